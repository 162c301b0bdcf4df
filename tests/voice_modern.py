"""Short modern texts of clearly different kinds, written for these tests; the panel's novels have nothing like them."""

MANUAL = """
Before you install the controller, check that the mains supply is switched off and that the label on the inside of the
door shows the voltage you ordered. Connect the sensor cable to terminal four and terminal five. The order does not
matter. Tighten each screw until the wire cannot be pulled out by hand, but do not use a power tool, because the plastic
housing can crack and the warranty does not cover it.

When the green light comes on, open the settings page on your phone and choose Add Device. The app looks for new
controllers for about thirty seconds. If yours does not appear, hold the reset button for five seconds and try again.
You can rename the device at any time. The name is only used in the app, so pick something you will recognise later.

The default schedule runs from six in the morning until ten at night. To change it, select Schedule and drag the handles
at either end of the bar. You can create up to eight schedules and assign each one to a different day. Changes are saved
automatically and sent to the controller the next time it connects, which is normally within two minutes.

If the display shows error three, the sensor is either disconnected or too cold to report a value. Check the cable
first. If the cable is fine, move the sensor to a warmer place and wait for ten minutes. Error four means that the
memory is full. Export the log, delete it, and restart. If you still see the message after a restart, contact support
and have the serial number ready. You will find it below the bar code on the back of the unit. Do not open the case
yourself. There are no parts inside that you can repair, and an open case voids the certificate for outdoor use.
"""

BLOG = """
Okay so I finally caved and bought the air fryer. I know, I know. I spent like two years making fun of my sister for
hers and now I'm that person who won't shut up about chickpeas. But hear me out! It's actually kind of amazing? I threw
in some sad broccoli that was basically on its way out, and ten minutes later I was eating it straight from the basket
with my hands. No plate. No shame. My boyfriend walked in and just slowly backed out of the kitchen.

Anyway, a bunch of you asked for the recipe from last week, so here's the deal. There isn't one, really. You take
whatever's in the fridge, toss it with way more garlic than seems reasonable, and hope for the best. I've messed it up
exactly once, when I got distracted by a video about a guy who restores old toasters (so good, link below), and even
then the dog was pretty happy with how things turned out.

The other big news is that we're moving! Again! I can't believe it's the third time in four years, and honestly if I
have to wrap one more mug in newspaper I'm going to lose it. The new place has a dishwasher though, so I'm not even
going to pretend to be upset. It's also about five minutes from the good bakery, which is either the best thing that's
ever happened to me or the end of my savings account. Probably both.

So yeah, posts might be a little slow this month. If you want to see the chaos in real time I'm still over on the usual
places, mostly complaining about tape. And if anybody knows how to get a couch around a really tight corner without
taking the door off, please, please tell me. I'm begging you. Love you guys, talk soon!
"""

NEWS = """
The city council voted on Tuesday to delay a decision on the proposed tram extension until an independent review of its
costs has been completed, after new figures suggested that the final bill could exceed the original estimate by more
than forty per cent.

Council leader Denise Arkwright said the pause would allow members to consider the findings before any contracts were
signed. "Nobody is saying that this project is dead," she told reporters after the meeting. "What we are saying is that
the public has a right to know what it will cost." The review is expected to take four months.

Campaigners who had gathered outside the town hall described the delay as a betrayal of commuters in the north of the
city, where bus services were reduced last year. Officials had promised that the first stage of the line would open in
2027. A spokesman for the operator said that the date was now unlikely to be met, but declined to give a new one.

According to documents seen by the newspaper, engineers warned in March that the bridge at Canal Street would have to be
rebuilt rather than strengthened. The additional work accounts for roughly half of the increase. Inflation in the price
of steel and a shortage of skilled workers are responsible for most of the remainder.

Opposition members accused the leadership of having concealed the report until after the May elections, a claim that Ms
Arkwright rejected. The government, which has agreed to fund a third of the scheme, said in a statement that it was
aware of the situation and remained in contact with the authority. A final vote is scheduled for early next year. If the
extension is rejected, the council could be required to return about twelve million pounds that it has already received,
although lawyers for both sides are understood to disagree about the terms of the grant.
"""

HARD_BOILED = """
The guy behind the desk had a neck like a fire hydrant and about as much to say. I put a twenty on the blotter. He
looked at it. I put another one next to it so it wouldn't get lonely. He sighed and turned the register around.

Room nine. Checked in Monday, paid through Friday, no bags. She'd signed it Smith, which meant she was tired. People who
still have some fight in them come up with something better than Smith.

I took the stairs because the elevator had a sign on it, and the sign had been there a while. Somebody on the second
floor was frying onions. Somebody on the third was crying, or maybe it was the TV. I stopped outside nine and listened.
Nothing. I've heard a lot of nothing in twelve years and this was the bad kind.

The lock was a joke. I told it to myself and went in. Bed made, window open, curtain hanging out over the alley like it
was thinking about jumping. There was a glass on the nightstand with a half inch of bourbon and no lipstick. There was a
phone off the hook. There was a shoe. Just the one.

I sat down on the bed and lit a cigarette and looked at that shoe. Red, three inch heel, hardly walked in. Eddie had
bought her a pair like that in April. He told me so himself, the night he hired me, grinning like a kid with a hole in
his pocket. Two days later they pulled him out from under the pier.

So now I had a shoe and a dead man's money and a room that didn't belong to anybody. I figured I could call the cops. I
figured I could call my lawyer. I finished the bourbon instead. It was cheap, and it burned, and it didn't ask me any
questions.
"""

MODERN_KINDS = {"manual": MANUAL, "blog": BLOG, "news": NEWS, "hard-boiled": HARD_BOILED}
