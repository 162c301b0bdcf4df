"""Prose in manners that differ from the sample author's, written for these tests."""

ESSAYIST = """
It has often been remarked, and never, I believe, with sufficient gravity, that the inhabitants of provincial towns
possess a faculty of attention which the metropolis, distracted as it is by an incessant commerce of novelties, has
altogether lost; and that whoever would understand the operation of public opinion, in its purest and consequently its
most merciless condition, must study it not in parliaments but in the front parlours of houses whose windows command a
street. Mrs. Averill's windows commanded two streets. Her establishment, which stood at the precise intersection of
Corporation Road and the Upper Parade, enjoyed in this respect an advantage that her neighbours acknowledged with that
mixture of resentment and admiration which superior fortune universally excites; and it was generally understood that
nothing of consequence, whether matrimonial, financial, or merely scandalous, could be transacted in the parish of Saint
Botolph without her being furnished, at the latest by the following afternoon, with all its particulars.

When, therefore, upon a certain Wednesday in October, a conveyance of unfamiliar construction was observed to deposit at
the door of the late Colonel Prendergast's residence a young woman of unquestionable elegance, accompanied by no fewer
than eleven trunks and by no husband whatsoever, the intelligence was received by Mrs. Averill with a composure which
only those most intimately acquainted with her disposition could have recognised as the outward expression of rapture.

"I make no observation," she declared, to the three ladies who had assembled, through a coincidence which nobody thought
it necessary to explain, about her tea-table. "I have always considered observations premature. But I should be
interested to learn, purely as a matter of philosophical enquiry, what any Christian person can require eleven trunks
for."

The philosophical enquiry thus instituted was pursued, with considerable ingenuity and very little charity, until the
lamps were lighted. It was suggested by Miss Tolliver, whose imagination had been irreparably enlarged by the
circulating library, that the trunks contained the correspondence of a foreign nobleman; it was objected by Mrs. Crewe,
whose brother had occupied a situation in the Customs, that correspondence, however voluminous, could not reasonably be
expected to require so many hasps; and it was finally determined, upon the authority of the hostess herself, that
whatever the trunks might contain, the circumstance of their being numerous was in itself a species of confession. To
this conclusion, so agreeable in its severity and so convenient in dispensing with evidence, the company unanimously
subscribed; and having thus discharged what they conceived to be their obligations towards morality, they proceeded,
with appetites which the exercise had sensibly improved, to the consideration of the seed-cake.
""".strip()

MODERN = """
Dani's phone buzzes again. She doesn't look. She already knows it's Marcus, and she already knows what he wants, and
honestly? She's got about four percent battery and zero patience left.

"You're not gonna get that?" the driver asks.

"Nope."

He shrugs, flicks the indicator, slides them across two lanes without checking his mirror. Outside, the whole city's
gone neon and wet. Ads crawl up the sides of buildings. A drone hangs over the intersection like it's thinking about
something.

She leans her head against the window. Cold glass. It helps, kind of. Twelve hours at the clinic, and the last three of
those spent explaining to a guy named Todd why the system wouldn't let her override the system. Todd cried. She almost
cried with him. That's where things are at, these days: crying with Todd.

"Rough shift?" the driver says.

"Do I look like it's been a rough shift?"

"You look like my sister after her second divorce."

And that gets her. She actually laughs, this weird barking sound she doesn't recognize, and then she can't stop, and
he's laughing too, and the car's drifting a little, and somebody behind them leans on the horn. It's the best thing
that's happened all week. It's maybe the best thing that's happened since March.

The phone buzzes. Three percent.

She picks it up this time, thumbs the screen awake. It isn't Marcus. It's a number she doesn't know, no name, no photo,
just a line of text sitting there in its little gray bubble: They're moving him tonight. You've got one hour.

Okay. So. There's a version of this where she puts the phone back in her bag, goes home, microwaves something, falls
asleep with her shoes on. She's good at that version. She's been practicing it for two years. Nobody would blame her;
nobody would even know.

"Hey," she says. "Change of plans. How fast can you get me to the docks?"

He finds her eyes in the mirror. Whatever he sees there, it wipes the grin right off his face. "Lady," he says, "you
sure about this?"

She isn't. She's really, really not. Her heart's going like a dryer with a boot in it, and her hands won't stay still,
and she's pretty sure there's still some of Todd's coffee on her sleeve.

"Drive," she says.
""".strip()

FRENCH = (
    "Le vieux passeur descendit vers le bateau sans dire un mot. Il faisait froid et la mer était grise. Son fils le "
    "suivait avec les rames, et personne ne parlait de la nuit où le bac avait coulé. "
) * 12
