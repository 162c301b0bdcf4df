"""Words by which English prose tells people, places and things apart; lists only."""

from __future__ import annotations


def listed(words: str) -> frozenset[str]:
    """Return the words of a list."""
    return frozenset(words.split())


HIS_TITLES = listed("""
    Mr Mister Sir Lord Master Monsieur Herr Signor Señor Don King Prince Duke Earl Count Baron Uncle Father Brother
    Squire Reverend Bishop Friar Abbot Emperor Esquire Farmer""")
HER_TITLES = listed("""
    Mrs Miss Ms Lady Madam Madame Mademoiselle Mistress Frau Fräulein Fraulein Signora Signorina Dame Queen Princess
    Duchess Countess Baroness Aunt Mother Sister Nurse Abbess Empress Grandmother Nanny""")
TITLES = (
    HIS_TITLES
    | HER_TITLES
    | listed("""
    Dr Doctor Professor Prof Rev Hon Honourable Cousin Judge Justice Inspector Constable Sheriff Mayor Governor
    President Senator Commander Commissioner Chancellor Capt Col Gen Lieut Lt Sgt Maj Cpl Fr Agent Detective
    Councillor Magister Pastor Rabbi Saint Captain Colonel Major Lieutenant Sergeant Corporal General Admiral
    Commodore Skipper Bosun""")
)
PLAIN_TITLES = listed("""
    Mr Mister Mrs Miss Ms Master Madam Madame Monsieur Herr Frau Fräulein Fraulein Mistress Uncle Aunt Cousin Father
    Mother Brother Sister Grandmother Nanny Signor Signora Signorina Mademoiselle Don Esquire""")
"""Titles that say nothing of what somebody is."""
FIRST_NAME_TITLES = listed("""
    Sir Dame Uncle Aunt Cousin Sister Brother Father Mother Saint Nanny""")
WED_TITLES, UNWED_TITLES = listed("Mrs Madame Frau Signora"), listed("Miss Mademoiselle Fräulein Fraulein Signorina")
ABBREVIATED = listed("""
    Mr Mrs Ms Dr St Prof Rev Hon Capt Col Gen Lieut Lt Sgt Maj Cpl Fr Messrs Mme Mlle Jr Sr""")

NO_NAMES = listed("""
    i i'm i'll i've i'd o oh ah eh ay aye yes no well presently god lord heaven heavens christ jesus almighty
    providence bible gospel christmas easter lent michaelmas midsummer whitsun candlemas whitsuntide mr mrs ms miss
    sir madam ma'am messrs esq mother father mamma mama mammy papa pa ma mum mummy mom dad daddy granny grandma
    grandpa grandmother grandfather auntie uncle aunt thee thou thy your majesty highness excellency lordship
    ladyship honour worship reverence ladies gentlemen gentleman dear poor goodness monday tuesday wednesday
    thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays sundays january february
    march april may june july august september october november december spring summer autumn winter north south
    east west northern southern eastern western chapter part book volume section act scene prologue epilogue finis
    preface english englishman englishmen englishwoman french frenchman frenchmen frenchwoman german germans italian
    italians spanish spaniard spaniards dutch dutchman irish irishman irishwoman scotch scottish scotchman scotsman
    welsh welshman british briton britons american americans european europeans russian russians turkish turk turks
    greek greeks roman romans latin hebrew jew jews jewish gypsy gipsy arab arabs arabic indian indians chinese
    japanese african africans australian australians canadian belgian swiss swedish norwegian danish polish
    portuguese austrian hungarian persian egyptian egyptians oriental asiatic cockney yankee yankees parisian
    victorian georgian elizabethan gothic celtic saxon teutonic gaelic negro negroes christian christians
    christianity catholic catholics protestant protestants puritan anglican methodist quaker baptist moslem muslim
    mahometan pagan buddhist papist bohemian socialist radical tory tories whig whigs liberal conservative a an and
    as at but by for from he her hers here him his how if in into it its let me my nay neither never nor not now of
    off on once one or our out over perhaps she should since so some still such than that the their them then there
    these they this those though through thus to too two under until up upon us very was we were what when where
    whether which while who whom whose why will with within without would yet you yours do did does done had has
    have is are am be been being can could may might must shall first second third three four five six seven eight
    nine ten good great come go look see tell sit stand take come hullo hallo hello hush alas amen aha farewell
    hurrah halloa bravo adieu indeed ii iii iv vi vii viii ix xi xii meanwhile suddenly however nevertheless
    moreover besides afterwards evidently certainly instead nothing everything everybody nobody somebody something
    somewhere another both each every many most none several just only even again always often soon later today
    tomorrow yesterday tonight please thank thanks""")
"""Words, in lower case, that are written with a capital and are no name of a story: the calendar, peoples, beliefs."""

EPITHETS = listed("""
    Poor Dear Dearest Beloved Sweet Old Young Little Good Great Big Brave Happy Darling""")
KEPT_EPITHETS = listed("Old Young Little Great Big Good")
"""Epithets that may belong to a name (Great Veer, Long Jack), where it is always written with them."""
CONNECTORS = listed("""
    de del della di du da des la le van von der den ter dos do of y el al bin ibn ap""")
FOREIGN_CONNECTORS = CONNECTORS - {"of", "do", "y"}
OF_HEADS = TITLES | listed("""
    House Tower Isle Island Islands Bay Court Order Castle Gulf Cape Mount Straits Temple Church Abbey Hall Bridge
    City Town Kingdom Empire Republic Land Sea Lake River Valley Vale Forest Wood Hill Rules Fall Battle Siege Book
    Gate Hotel Bank University College School Archbishop Dean Lords Knights Rock Port Point Plains Heart Sword Ring
    Queen""")

SPEECH_VERBS = listed("""
    said says say asked asks replied replies answered answers cried cries whispered whispers muttered mutters
    murmured murmurs shouted shouts called exclaimed exclaims added adds continued continues returned remarked
    remarks observed repeated demanded inquired enquired declared suggested agreed insisted protested snapped
    growled hissed screamed yelled groaned gasped interrupted explained admitted announced laughed sighed sobbed
    mumbled stammered retorted rejoined responded pleaded begged warned ordered commanded urged wondered conceded
    confessed ventured interposed ejaculated barked roared drawled joked told""")
PERSON_VERBS = SPEECH_VERBS | listed("""
    looked looks thought thinks knew knows felt feels smiled smiles nodded nods turned turns sat sits stood went
    came walked walks ran took gave saw heard seemed wanted wants liked loved loves hated wished hoped tried began
    grew stared glanced frowned shrugged blushed paused hesitated rose knelt shook leaned bent lifted laid put held
    drew wept listened watched remembered forgot understood believed considered decided refused promised married
    died slept woke ate drank wrote read sang rode threw caught kissed bowed coughed swallowed grinned winked
    trembled shivered started pulled pushed opened closed spoke speaks talks talked lived had is was has does did
    would could might must""")
SURE_PERSON_VERBS = PERSON_VERBS - listed("""
    had is was has does did would could might must stood came went ran began grew seemed rose lay held drew called
    returned lived read closed opened started turned died looked looks""")
BODY_AND_KIN = listed("""
    eyes eye face hand hands hair arm arms voice head heart mind feet foot lips mouth back shoulder shoulders
    fingers cheek cheeks brow knee knees mother father sister brother wife husband son daughter aunt uncle cousin
    friend niece nephew thoughts temper manner smile soul clothes dress coat hat room bed life death words""")
PLACE_NOUNS = listed("""
    Street Road Lane Court Square Terrace Avenue Gardens Garden Park House Hall Villa Villas Cottage Lodge Manor
    Castle Palace Abbey Church Chapel Cathedral Priory Inn Hotel Tavern Pension Farm Grange Mill Island Islands Isle
    Isles River Lake Sea Ocean Bay Gulf Channel Sound Strait Straits Hill Hills Mount Mountain Mountains Valley Vale
    Dale Glen Wood Woods Forest Heath Moor Moors Marsh Fen Common Green Point Head Cape Haven Harbour Harbor Port
    Quay Pier Bridge Gate Cross Corner Town City Village Station Bank Banks Sand Sands Rock Rocks Beach Cliff Cliffs
    Land Lands Desert County Crescent Row Alley Yard Wharf Dock Tower Prison School College Club Gallery Museum
    Theatre Wells Falls Creek Springs Plains Pass Ridge Canyon Reef Shoals Lamp-house Piazza Via Torre Loggia
    Rectory Vicarage Parsonage Market""")
PLACE_HEADS = listed("""
    Mount Lake Cape Port Fort Isle San Santa St River Via Piazza Torre Castle Pension New""")
PLACE_KINDS = (
    "town|city|village|hamlet|island|islands|isle|county|parish|river|port|harbour|harbor|suburb|province|"
    "kingdom|country|planet|moon|station|colony|valley|mountain|rock|reef|castle|farm|inn"
)
THING_KINDS = (
    "ship|schooner|boat|brig|barque|bark|steamer|steamship|vessel|yacht|liner|frigate|ferry|sloop|newspaper|paper|"
    "journal|book|sword|ring|engine|train|starship|freighter|bell|lamp|play|poem|song"
)
KNOWN_PLACES = listed("""
    England Scotland Wales Ireland Britain London Edinburgh Dublin Liverpool Manchester Birmingham Glasgow Bristol
    Oxford Cambridge Essex Kent Sussex Surrey Yorkshire Cornwall Devon France Germany Italy Spain Portugal Greece
    Turkey Russia Poland Austria Hungary Switzerland Belgium Holland Norway Sweden Denmark Finland Iceland Europe
    Asia Africa America Australia Canada Mexico Brazil Argentina Peru China Japan Korea Vietnam Thailand Egypt
    Morocco Kenya Nigeria Iran Iraq Syria Israel Pakistan Afghanistan Berlin Munich Hamburg Vienna Rome Milan Naples
    Venice Madrid Barcelona Lisbon Athens Constantinople Istanbul Moscow Petersburg Warsaw Prague Budapest Brussels
    Amsterdam Stockholm Oslo Copenhagen Cairo Jerusalem Baghdad Tehran Bombay Calcutta Delhi Beijing Shanghai Tokyo
    Melbourne Boston Chicago Philadelphia Baltimore Detroit Cleveland Buffalo Toronto Montreal Quebec California
    Texas Florida Ohio Maine Massachusetts Pennsylvania Connecticut Michigan Illinois Minnesota Wisconsin Kansas
    Nebraska Oregon Colorado Alaska Hawaii Newfoundland Labrador Greenland Siberia Patagonia Atlantic Pacific
    Mediterranean Baltic Thames Seine Danube Rhine Nile Mississippi Alps Himalayas Pyrenees Antarctica Arctic Mars
    Venus Jupiter Saturn Earth""")
"""Places of this world that are hardly ever anybody's name; Florence, Sydney or Virginia may be a person."""
GERMAN_ARTICLES = listed("""
    der die das den dem des ein eine einen einem einer eines kein keine keinen keiner mein meine meinen meinem
    meiner dein deine sein seine seinen seinem seiner ihr ihre ihren ihrem ihrer unser unsere euer im am zum zur vom
    beim ins ans aufs dieser diese dieses diesen diesem jeder jede jedes jeden jedem viel viele wenig mehr alle
    aller allen zwei drei vier ohne voll aus vor gegen wie als""")
"""What stands before a noun, and hardly ever before a name, in a language that writes both with a capital."""
