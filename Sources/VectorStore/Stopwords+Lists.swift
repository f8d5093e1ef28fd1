// Words that a text index may leave out. Those of the first part are the Snowball project's lists as PostgreSQL 15 distributes them
// (https://snowballstem.org; that of Nepali is PostgreSQL's own): see LICENSE-snowball. Behind the English one, which ends with "now", are
// contractions, put together here by a rule: can and the auxiliaries with n't, pronouns with 'm 're 's 've 'd 'll, words that ask or point
// with 's; first what words split at the apostrophe leave of them and the list has not, then each as a whole.
// Those of the second part were put together for this file: articles, pronouns, prepositions, conjunctions, auxiliaries, particles.

extension Stopwords {
    /// The lists: a line with a language in brackets, then its words.
    static let text = """
        [danish]
        og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har om vi min havde ham hun nu over da
        fra du ud sin dem os op man hans hvor eller hvad skal selv her alle vil blev kunne ind når være dog noget ville jo deres
        efter ned skulle denne end dette mit også under have dig anden hende mine alt meget sit sine vor mod disse hvis din nogle
        hos blive mange ad bliver hendes været thi jer sådan
        [dutch]
        de en van ik te dat die in een hij het niet zijn is was op aan met als voor had er maar om hem dan zou of wat mijn men dit
        zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe heeft hebben deze u want nog zal me zij nu ge geen
        omdat iets worden toch al waren veel meer doen toen moet ben zonder kan hun dus alles onder ja eens hier wie werd altijd
        doch wordt wezen kunnen ons zelf tegen na reeds wil kon niets uw iemand geweest andere
        [english]
        i me my myself we our ours ourselves you your yours yourself yourselves he him his himself she her hers herself it its
        itself they them their theirs themselves what which who whom this that these those am is are was were be been being have has
        had having do does did doing a an the and but if or because as until while of at by for with about against between into
        through during before after above below to from up down in out on off over under again further then once here there when
        where why how all any both each few more most other some such no nor not only own same so than too very s t can will just
        don should now aren couldn didn doesn hadn hasn haven isn mightn mustn needn shan shouldn wasn weren won wouldn m ve d ll re
        aren't can't couldn't didn't doesn't don't hadn't hasn't haven't isn't mightn't mustn't needn't shan't shouldn't wasn't
        weren't won't wouldn't i'm i've i'd i'll you're you've you'd you'll we're we've we'd we'll they're they've they'd they'll
        he's he'd he'll she's she'd she'll it's it'd it'll that's that'd that'll there's here's what's who's where's when's how's
        why's
        [finnish]
        olla olen olet on olemme olette ovat ole oli olisi olisit olisin olisimme olisitte olisivat olit olin olimme olitte olivat
        ollut olleet en et ei emme ette eivät minä minun minut minua minussa minusta minuun minulla minulta minulle sinä sinun sinut
        sinua sinussa sinusta sinuun sinulla sinulta sinulle hän hänen hänet häntä hänessä hänestä häneen hänellä häneltä hänelle me
        meidän meidät meitä meissä meistä meihin meillä meiltä meille te teidän teidät teitä teissä teistä teihin teillä teiltä
        teille he heidän heidät heitä heissä heistä heihin heillä heiltä heille tämä tämän tätä tässä tästä tähän tallä tältä tälle
        tänä täksi tuo tuon tuotä tuossa tuosta tuohon tuolla tuolta tuolle tuona tuoksi se sen sitä siinä siitä siihen sillä siltä
        sille siksi nämä näiden näitä näissä näistä näihin näillä näiltä näille näinä näiksi nuo noiden noita noissa noista noihin
        noilla noilta noille noina noiksi ne niiden niitä niissä niistä niihin niillä niiltä niille niinä niiksi kuka kenen kenet
        ketä kenessä kenestä keneen kenellä keneltä kenelle kenenä keneksi ketkä keiden keitä keissä keistä keihin keillä keiltä
        keille keinä keiksi mikä minkä mitä missä mistä mihin millä miltä mille miksi mitkä joka jonka jota jossa josta johon jolla
        jolta jolle jona joksi jotka joiden joita joissa joista joihin joilla joilta joille joina joiksi että ja jos koska kuin
        mutta niin sekä tai vaan vai vaikka kanssa mukaan noin poikki yli kun nyt itse
        [french]
        au aux avec ce ces dans de des du elle en et eux il je la le leur lui ma mais me même mes moi mon ne nos notre nous on ou
        par pas pour qu que qui sa se ses son sur ta te tes toi ton tu un une vos votre vous c d j l à m n s t y été étée étées étés
        étant étante étants étantes suis es est sommes êtes sont serai seras sera serons serez seront serais serait serions seriez
        seraient étais était étions étiez étaient fus fut fûmes fûtes furent sois soit soyons soyez soient fusse fusses fût fussions
        fussiez fussent ayant ayante ayantes ayants eu eue eues eus ai as avons avez ont aurai auras aura aurons aurez auront aurais
        aurait aurions auriez auraient avais avait avions aviez avaient eut eûmes eûtes eurent aie aies ait ayons ayez aient eusse
        eusses eût eussions eussiez eussent
        [german]
        aber alle allem allen aller alles als also am an ander andere anderem anderen anderer anderes anderm andern anderr anders
        auch auf aus bei bin bis bist da damit dann der den des dem die das daß derselbe derselben denselben desselben demselben
        dieselbe dieselben dasselbe dazu dein deine deinem deinen deiner deines denn derer dessen dich dir du dies diese diesem
        diesen dieser dieses doch dort durch ein eine einem einen einer eines einig einige einigem einigen einiger einiges einmal er
        ihn ihm es etwas euer eure eurem euren eurer eures für gegen gewesen hab habe haben hat hatte hatten hier hin hinter ich
        mich mir ihr ihre ihrem ihren ihrer ihres euch im in indem ins ist jede jedem jeden jeder jedes jene jenem jenen jener jenes
        jetzt kann kein keine keinem keinen keiner keines können könnte machen man manche manchem manchen mancher manches mein meine
        meinem meinen meiner meines mit muss musste nach nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner
        seines selbst sich sie ihnen sind so solche solchem solchen solcher solches soll sollte sondern sonst über um und uns unse
        unsem unsen unser unses unter viel vom von vor während war waren warst was weg weil weiter welche welchem welchen welcher
        welches wenn werde werden wie wieder will wir wird wirst wo wollen wollte würde würden zu zum zur zwar zwischen
        [hungarian]
        a ahogy ahol aki akik akkor alatt által általában amely amelyek amelyekben amelyeket amelyet amelynek ami amit amolyan amíg
        amikor át abban ahhoz annak arra arról az azok azon azt azzal azért aztán azután azonban bár be belül benne cikk cikkek
        cikkeket csak de e eddig egész egy egyes egyetlen egyéb egyik egyre ekkor el elég ellen elő először előtt első én éppen
        ebben ehhez emilyen ennek erre ez ezt ezek ezen ezzel ezért és fel felé hanem hiszen hogy hogyan igen így illetve ill. ill
        ilyen ilyenkor ison ismét itt jó jól jobban kell kellett keresztül keressünk ki kívül között közül legalább lehet lehetett
        legyen lenne lenni lesz lett maga magát majd már más másik meg még mellett mert mely melyek mi mit míg miért milyen mikor
        minden mindent mindenki mindig mint mintha mivel most nagy nagyobb nagyon ne néha nekem neki nem néhány nélkül nincs olyan
        ott össze ő ők őket pedig persze rá s saját sem semmi sok sokat sokkal számára szemben szerint szinte talán tehát teljes
        tovább továbbá több úgy ugyanis új újabb újra után utána utolsó vagy vagyis valaki valami valamint való vagyok van vannak
        volt voltam voltak voltunk vissza vele viszont volna
        [italian]
        ad al allo ai agli all agl alla alle con col coi da dal dallo dai dagli dall dagl dalla dalle di del dello dei degli dell
        degl della delle in nel nello nei negli nell negl nella nelle su sul sullo sui sugli sull sugl sulla sulle per tra contro io
        tu lui lei noi voi loro mio mia miei mie tuo tua tuoi tue suo sua suoi sue nostro nostra nostri nostre vostro vostra vostri
        vostre mi ti ci vi lo la li le gli ne il un uno una ma ed se perché anche come dov dove che chi cui non più quale quanto
        quanti quanta quante quello quelli quella quelle questo questi questa queste si tutto tutti a c e i l o ho hai ha abbiamo
        avete hanno abbia abbiate abbiano avrò avrai avrà avremo avrete avranno avrei avresti avrebbe avremmo avreste avrebbero
        avevo avevi aveva avevamo avevate avevano ebbi avesti ebbe avemmo aveste ebbero avessi avesse avessimo avessero avendo avuto
        avuta avuti avute sono sei è siamo siete sia siate siano sarò sarai sarà saremo sarete saranno sarei saresti sarebbe saremmo
        sareste sarebbero ero eri era eravamo eravate erano fui fosti fu fummo foste furono fossi fosse fossimo fossero essendo
        faccio fai facciamo fanno faccia facciate facciano farò farai farà faremo farete faranno farei faresti farebbe faremmo
        fareste farebbero facevo facevi faceva facevamo facevate facevano feci facesti fece facemmo faceste fecero facessi facesse
        facessimo facessero facendo sto stai sta stiamo stanno stia stiate stiano starò starai starà staremo starete staranno starei
        staresti starebbe staremmo stareste starebbero stavo stavi stava stavamo stavate stavano stetti stesti stette stemmo steste
        stettero stessi stesse stessimo stessero stando
        [nepali]
        अक्सर अगाडि अगाडी अझै अनुसार अन्तर्गत अन्य अन्यथा अब अरु अरू अर्का अर्की अर्को अर्थात अर्थात् अर्ब अलग अलिकति असार आइतवार आए
        आज आठ आत्म आदि आफू आफ्नै आफ्नो आयो आश्विन उदाहरण उन उप उही एउटै एक एकदम एकै ओठ औं कति कतै कत्रा कत्री कत्रो करोड कस कसरी कसै
        कस्ता कस्ती कस्तो कहिल्यै कहीं का कार्तिक कि किन किनभने कुन कुनै कुरा कृपया के केहि केही को कोही क्रमशः खर्ब गयौ चाँडै चार
        चाले चाहनुहुन्छ चाहन्छु चाहिए चैत चौथो छ छन् छु छू छैन छौँ छौं जताततै जति जत्रा जत्री जत्रो जब जबकि जस जस्ता जस्ती जस्तो
        जस्तोसुकै जहाँ जान जाहिर जुन जे जेठ जो जोसुकै ठीक त तत्काल तथा तदनुसार तपाई तपाईं तर तल तापनि तापनी तिन तिनी तिमी तिर ती तीन
        तुरुन्तै तेस्कारण तेस्रो त्यसकारण त्यसपछि त्यसमा त्यसैले त्यहाँ त्यो त्सपछि त्सैले थिए थिएन थिएनन् थियो थोरै दस दिए दिनुभएको
        दिनुहुन्छ दुई देख देखि देखिन्छ देखियो देखे देखेको देखेर देख्न दोश्रो दोस्रो धेरै न नजिकै नत्र नयाँ नि निम्ति निम्न
        निम्नानुसार निर्दिष्ट नै नौ पक्का पक्कै पछि पछिल्लो पटक पनि पर्छ पर्थ्यो पर्याप्त पर्सी पहिले पहिलो पहिल्यै पाँच पाँचौं
        पूर्व पौष प्रति प्रतेक प्रत्येक प्रथम प्लस फागुन फेरि फेरी बने बन्द बन्न बरु बाटो बारे बाहिर बाहेक बिरुद्ध बिशेष बिहिवार बीच
        बुधवार भए भदौ भन् भर भित्र भित्री भोलि भोली म मंसिर मङ्गलवार महिना मा माघ मात्र माथि मुख्य मेरो यति यत्ति यत्रा यत्री यत्रो
        यथोचित यदि यद्यपि यस यसरी यसो यस्ता यस्ती यस्तो यहाँ या यिन यिनी यी यो र रही रहेका रहेको राखे राख्छ राम्रो रूप लगभग लाई लाख
        लागि ले वरिपरि वरीपरी वर्ष वास्तवमा वाहेक विरुद्ध विशेष वैशाख शनिवार शायद शुक्रवार सँग सँगै संग संगै सक्छ सट्टा सधै सधैं सबै
        समय सम्भव सम्म सय सही साँच्चै साउन सात साथ साथै सायद सारा सुन्ना सो सोध्न सोमवार सोही स्पष्ट हजार हप्ता हरे हरेक हामी हाम्रो
        हिजो हुन्छ होला होस्
        [norwegian]
        og i jeg det at en et den til er som på de med han av ikke ikkje der så var meg seg men ett har om vi min mitt ha hadde hun
        nå over da ved fra du ut sin dem oss opp man kan hans hvor eller hva skal selv sjøl her alle vil bli ble blei blitt kunne
        inn når være kom noen noe ville dere deres kun ja etter ned skulle denne for deg si sine sitt mot å meget hvorfor dette
        disse uten hvordan ingen din ditt blir samme hvilken hvilke sånn inni mellom vår hver hvem vors hvis både bare enn fordi før
        mange også slik vært båe begge siden dykk dykkar dei deira deires deim di då eg ein eit eitt elles honom hjå ho hoe henne
        hennar hennes hoss hossen ingi inkje korleis korso kva kvar kvarhelst kven kvi kvifor me medan mi mine mykje no nokon noka
        nokor noko nokre sia sidan so somt somme um upp vere vore verte vort varte vart
        [portuguese]
        de a o que e do da em um para com não uma os no se na por mais as dos como mas ao ele das à seu sua ou quando muito nos já
        eu também só pelo pela até isso ela entre depois sem mesmo aos seus quem nas me esse eles você essa num nem suas meu às
        minha numa pelos elas qual nós lhe deles essas esses pelas este dele tu te vocês vos lhes meus minhas teu tua teus tuas
        nosso nossa nossos nossas dela delas esta estes estas aquele aquela aqueles aquelas isto aquilo estou está estamos estão
        estive esteve estivemos estiveram estava estávamos estavam estivera estivéramos esteja estejamos estejam estivesse
        estivéssemos estivessem estiver estivermos estiverem hei há havemos hão houve houvemos houveram houvera houvéramos haja
        hajamos hajam houvesse houvéssemos houvessem houver houvermos houverem houverei houverá houveremos houverão houveria
        houveríamos houveriam sou somos são era éramos eram fui foi fomos foram fora fôramos seja sejamos sejam fosse fôssemos
        fossem for formos forem serei será seremos serão seria seríamos seriam tenho tem temos tém tinha tínhamos tinham tive teve
        tivemos tiveram tivera tivéramos tenha tenhamos tenham tivesse tivéssemos tivessem tiver tivermos tiverem terei terá teremos
        terão teria teríamos teriam
        [russian]
        и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от меня еще нет о из
        ему теперь когда даже ну вдруг ли если уже или ни быть был него до вас нибудь опять уж вам ведь там потом себя ничего ей
        может они тут где есть надо ней для мы тебя их чем была сам чтоб без будто чего раз тоже себе под будет ж тогда кто этот
        того потому этого какой совсем ним здесь этом один почти мой тем чтобы нее сейчас были куда зачем всех никогда можно при
        наконец два об другой хоть после над больше тот через эти нас про всего них какая много разве три эту моя впрочем хорошо
        свою этой перед иногда лучше чуть том нельзя такой им более всегда конечно всю между
        [spanish]
        de la que el en y a los del se las por un para con no una su al lo como más pero sus le ya o este sí porque esta entre
        cuando muy sin sobre también me hasta hay donde quien desde todo nos durante todos uno les ni contra otros ese eso ante
        ellos e esto mí antes algunos qué unos yo otro otras otra él tanto esa estos mucho quienes nada muchos cual poco ella estar
        estas algunas algo nosotros mi mis tú te ti tu tus ellas nosotras vosostros vosostras os mío mía míos mías tuyo tuya tuyos
        tuyas suyo suya suyos suyas nuestro nuestra nuestros nuestras vuestro vuestra vuestros vuestras esos esas estoy estás está
        estamos estáis están esté estés estemos estéis estén estaré estarás estará estaremos estaréis estarán estaría estarías
        estaríamos estaríais estarían estaba estabas estábamos estabais estaban estuve estuviste estuvo estuvimos estuvisteis
        estuvieron estuviera estuvieras estuviéramos estuvierais estuvieran estuviese estuvieses estuviésemos estuvieseis estuviesen
        estando estado estada estados estadas estad he has ha hemos habéis han haya hayas hayamos hayáis hayan habré habrás habrá
        habremos habréis habrán habría habrías habríamos habríais habrían había habías habíamos habíais habían hube hubiste hubo
        hubimos hubisteis hubieron hubiera hubieras hubiéramos hubierais hubieran hubiese hubieses hubiésemos hubieseis hubiesen
        habiendo habido habida habidos habidas soy eres es somos sois son sea seas seamos seáis sean seré serás será seremos seréis
        serán sería serías seríamos seríais serían era eras éramos erais eran fui fuiste fue fuimos fuisteis fueron fuera fueras
        fuéramos fuerais fueran fuese fueses fuésemos fueseis fuesen sintiendo sentido sentida sentidos sentidas siente sentid tengo
        tienes tiene tenemos tenéis tienen tenga tengas tengamos tengáis tengan tendré tendrás tendrá tendremos tendréis tendrán
        tendría tendrías tendríamos tendríais tendrían tenía tenías teníamos teníais tenían tuve tuviste tuvo tuvimos tuvisteis
        tuvieron tuviera tuvieras tuviéramos tuvierais tuvieran tuviese tuvieses tuviésemos tuvieseis tuviesen teniendo tenido
        tenida tenidos tenidas tened
        [swedish]
        och det att i en jag hon som han på den med var sig för så till är men ett om hade de av icke mig du henne då sin nu har
        inte hans honom skulle hennes där min man ej vid kunde något från ut när efter upp vi dem vara vad över än dig kan sina här
        ha mot alla under någon eller allt mycket sedan ju denna själv detta åt utan varit hur ingen mitt ni bli blev oss din dessa
        några deras blir mina samma vilken er sådan vår blivit dess inom mellan sådant varför varje vilka ditt vem vilket sitta
        sådana vart dina vars vårt våra ert era vilkas
        [turkish]
        acaba ama aslında az bazı belki biri birkaç birşey biz bu çok çünkü da daha de defa diye eğer en gibi hem hep hepsi her hiç
        için ile ise kez ki kim mı mu mü nasıl ne neden nerde nerede nereye niçin niye o sanki şey siz şu tüm ve veya ya yani
        [arabic]
        من في على إلى الى عن مع هذا هذه ذلك تلك هؤلاء أولئك هنا هناك هنالك الذي التي الذين اللذان اللتان اللواتي اللاتي ما ماذا متى
        أين كيف لماذا لم لن لا ليس ليست ليسوا لست لسنا إن أن إنه أنه إنها أنها إننا أننا كان كانت كانوا كنت كنا يكون تكون نكون أكون
        هو هي هم هن هما أنا نحن أنت أنتم أنتن أنتما إياه إياها إياهم إياك إياكم و أو أم ثم ف بل لكن لكنه لكنها حتى إذا إذ إذن لو
        لولا قد لقد سوف كل كلا كلما كلتا بعض أي أية غير سوى عند لدى منذ بين فوق تحت أمام خلف وراء قبل بعد خلال حول دون ضد نحو حيث
        حين حينما عندما بينما كما كأن كأنما لعل ليت مثل أيضا فقط إلا أما إما ألا هل يا به بها بهم بك بكم بنا بي له لها لهم لهن لك
        لكم لنا لي فيه فيها فيهم فيك منه منها منهم منك منا عليه عليها عليهم عليك علينا إليه إليها إليهم إليك إلينا عنه عنها عنهم معه
        معها معهم لديه لديها ذاك ذو ذا ذات ذي كم مما عما فيما بما لما مهما أينما حيثما كيفما وإن وإذ وإذا ولا ولو ولكن ومن وهو فلا
        فإن فإذا
        [azerbaijani]
        və ya ki da də ilə üçün bu o bir mən sən biz siz onlar onun bunun mənim sənin bizim sizin onların mənə sənə ona bizə sizə
        onlara məni səni onu bizi sizi onları məndə səndə onda bizdə sizdə onlarda bunu buna bunda bundan ondan öz özü hər heç nə
        kim hansı hara harada necə niyə vaxt neçə çox az daha ən kimi qədər sonra əvvəl isə əgər çünki amma ancaq lakin belə elə həm
        nəinki yəni yox hə bəli xeyr deyil idi imiş var yoxdur olar olur oldu olan olaraq olsa edən etmə etdi edir artıq ilk indi
        hələ yenə bütün bəzi eyni üzrə barədə haqqında kənar arasında altında üstündə qarşı tərəfindən görə məhz bəlkə əlbəttə gəl
        mi mı mu mü sanki təkcə yalnız cəmi
        [basque]
        eta edo baina ere ez bai bat batzuk hau hori hura hauek horiek haiek honek horrek hark honen horren haren hauen horien haien
        hemen hor han hona horra hara ni zu gu zuek bera berau bere beren nire zure gure nik zuk guk zer nor noiz non nora nondik
        nola zein zenbat zergatik zeren zen ziren da dira naiz zara gara zarete dut du dugu duzu duzue dute nuen zuen genuen zuten
        dio diot die dizu dit zion egin egon izan beste bezala baino baizik baldin behin berriz bezain bitartean beraz batera batean
        baten batek bati batzuek batzuen batzuei guztiak guzti guztiek dela den direla diren zela zuela duela gero orain orduan
        honela horrela hala ala al arte artean gabe gain gainera aurrera aurre ondoren ondo oso asko gutxi inor inon ezer ezin
        izango izateko egiteko hain hainbeste hainbat edozein norbait zerbait anitz arabera azpi barren barru bestela dagoen dauden
        ditu dituen hartan honetan horretan honi horri hari hauei horiei haiei kontra nahi nahiko ongi pean
        [bengali]
        এবং ও আর বা অথবা কিন্তু তবে যে যা যার যাকে যারা যাদের যিনি যখন যেখানে যেমন যদি যদিও সে তা তার তাকে তারা তাদের তিনি তাঁর
        তাঁকে তাঁরা তাঁদের তখন তাই তেমন তো আমি আমার আমাকে আমরা আমাদের তুমি তোমার তোমাকে তোমরা তোমাদের আপনি আপনার আপনাকে আপনারা
        আপনাদের এ এই এর এটা এটি এগুলো একে এরা এদের ইনি ওই ওর ওটা ওটি ওকে ওরা ওদের উনি সেই সেটা সেটি এখানে সেখানে ওখানে কোথায় কখন
        কেন কী কি কে কার কাকে কারা কাদের কোন কোনো কত কেমন কিভাবে কিছু কেউ সব সকল সবাই প্রতি প্রতিটি একটি একটা এক না নয় নেই নি হ্যাঁ
        হয় হয়ে হবে হল হলো হতে হন হলে হয়েছে হয়েছিল ছিল ছিলেন ছিলাম আছে আছেন আছি থাকে থাকবে থেকে করে করা করেন করতে করবে করেছে করছে
        করার জন্য জন্যে সঙ্গে সাথে দিয়ে দ্বারা মধ্যে মাঝে উপর উপরে নিচে নীচে আগে পরে পর কাছে দিকে বিনা ছাড়া পর্যন্ত মতো মত হিসাবে
        হিসেবে বিরুদ্ধে সম্পর্কে এখন এমন এত অতএব আবার আরও আরো ই খুব বেশি কম শুধু মাত্র বরং যেন নিজে নিজের অন্য অনেক তথা বটে
        [catalan]
        a al als amb aquell aquella aquelles aquells aquest aquesta aquestes aquests aquí això allò allà així abans ací algun alguna
        algunes alguns altra altre altres bé cada cap com contra d' d de del dels des després dins doncs durant e el ella elles ells
        els em en encara ens entre érem era eren eres es és esta estan estar estaven està estat este et ets fa fan fer fins fos
        foren haver havia hem heu he ha han hi ho i hauria igual iguals ja jo l' l la les li llavors llur llurs lo los m' m ma mas
        mateix mateixa mateixes mateixos mentre menys mes més meu meus meva meves mi molt molta moltes molts mon mons n' n ni no
        nogensmenys nosaltres nostra nostre nostres o on per pel pels però perquè poc poca pocs poques potser propi puc pot qual
        quals quan quant que què quelcom qui quin quina quines quins s' s sa sap se segons sens sense ser serà seran seu seus seva
        seves si sí sia sigut siguin sinó sobre sols solament són sóc som son sons sota sou t' t ta tal també tampoc tan tant tanta
        tantes te tenir tens teu teus teva teves ton tons tot tota totes tots tu un una unes uns us va vaig van vam vas veu
        vosaltres vostra vostre vostres vós
        [chinese]
        的 了 和 是 在 我 你 您 他 她 它 我们 你们 他们 她们 它们 咱 咱们 自己 这 那 这个 那个 这些 那些 这里 那里 这儿 那儿 这样 那样 这么 那么 哪 哪个 哪些 哪里 哪儿 谁 什么 怎么 怎样 怎么样 为什么 为何 如何
        多少 几 吗 呢 吧 啊 呀 哦 嘛 啦 哇 么 而 与 及 以及 或 或者 还是 但 但是 可是 然而 不过 而且 并 并且 因为 所以 因此 因而 由于 如果 假如 要是 若 虽然 虽 尽管 即使 只要 只有 除非 无论 不论 不管 既 既然
        于是 从而 否则 以便 以 于 从 自 自从 向 往 朝 到 对 对于 关于 至于 把 被 让 给 叫 跟 同 为 为了 比 用 按 按照 根据 依照 通过 经过 随着 除了 当 直到 将 地 得 着 过 之 其 其中 其他 其它 其余 此 此外
        该 各 各个 每 每个 某 某些 另 另外 任何 一切 所有 有些 有的 没有 没 不 别 不是 不要 也 都 就 才 又 再 还 很 太 更 最 已 已经 正在 曾 曾经 只 仅 仅仅 便 即 却 则 且 所 者 等 等等 一 一个 一些 一样
        一般 上 下 里 中 内 外 前 后 之前 之后 之间 以后 以前 以上 以下 时 时候 们 个 有 可 可以 能 能够 会 应 应该 要 说 像 如 如此 例如 比如 甚至 尤其 总之 首先 其次 最后
        [greek]
        ο η το οι τα του της των τον την τη τους τις ένας μια μία ένα ενός μιας έναν και κι ή είτε ούτε μήτε μα αλλά όμως ωστόσο δε
        δεν μη μην θα να ας για από με σε στο στη στην στον στα στις στους ως προς κατά μετά παρά αντί χωρίς δίχως μέχρι έως πριν
        μεταξύ υπέρ υπό περί εναντίον λόγω εξαιτίας που πού πως πώς ποιος ποια ποιο ποιοι ποιες ποιον ποιας ποιων τι πότε όταν όποτε
        αν εάν άμα γιατί διότι επειδή αφού καθώς ενώ ώστε όπως όπου όσο όσα όσοι όσες όποιος όποια όποιο ό,τι εγώ εσύ αυτός αυτή
        αυτό αυτοί αυτές αυτά αυτού αυτής αυτών αυτόν αυτήν αυτούς εμείς εσείς μου σου μας σας εμένα εσένα τούτος τούτη τούτο
        εκείνος εκείνη εκείνο εκείνοι εκείνες εκείνα εκεί εδώ είμαι είσαι είναι είμαστε είστε ήταν ήμουν ήσουν ήμασταν ήσασταν έχω
        έχεις έχει έχουμε έχετε έχουν είχα είχες είχε είχαμε είχατε είχαν όλος όλη όλο όλοι όλες όλα κάθε κάποιος κάποια κάποιο κάτι
        κανένας καμία κανένα τίποτα άλλος άλλη άλλο άλλοι άλλες άλλα ίδιος ίδια ίδιο τόσο πολύ πιο πάλι ακόμα ακόμη ήδη τώρα τότε
        έτσι λοιπόν δηλαδή μόνο σαν όχι ναι μάλλον ίσως
        [hebrew]
        את של על אל עם מן מ ב ל כ ה ו ש אני אתה הוא היא אנחנו אנו אתם אתן הם הן אותי אותך אותו אותה אותנו אתכם אותם אותן שלי שלך שלו
        שלה שלנו שלכם שלכן שלהם שלהן לי לך לו לה לנו לכם לכן להם להן בי בך בו בה בנו בכם בהם בהן ממני ממך ממנו ממנה מהם מהן עלי עליך
        עליו עליה עלינו עליכם עליהם אליי אליך אליו אליה אלינו אליהם איתי איתך איתו איתה איתנו איתם זה זאת זו אלה אלו ההוא ההיא ההם
        ההן הזה הזאת האלה כן לא אין יש גם רק אך אבל אולם או אם כי אשר כאשר כש בגלל מפני למרות כך ככה כמו כפי כדי אז עוד כבר אחרי
        לפני בין תחת מעל מתחת ליד אצל בלי ללא עד מאז מול נגד דרך בתוך מתוך תוך לפי בשביל למען מי מה איך איפה היכן לאן מאין מתי מדוע
        למה כמה איזה איזו אילו היה הייתה היו הייתי היית היינו הייתם יהיה תהיה יהיו להיות כל כולם כולן כלל אחד אחת אחר אחרת אחרים
        אחרות עצמו עצמה עצמי עצמם מאוד יותר פחות הרבה מעט שוב כאן שם פה האם הנה הרי אף אפילו ולא וגם שלא שהוא שהיא שהם
        [hinglish]
        aur ya lekin par parantu magar ki ka ke ko se mein main me mai mujhe mujhko mera mere meri hum hame humko humein hamara
        hamare hamari tu tum tumhe tumko tumhara tumhare tumhari tera tere teri aap aapko aapka aapke aapki woh wo voh vo us usko
        use uska uske uski un unko unhe unka unke unki yeh ye yah is isko ise iska iske iski in inko inhe inka inke inki jo jis
        jisko jise jiska jiske jiski jin jab jahan jaha jaise jitna tab tabhi wahan waha vaha yahan yaha kahan kaha kab kaise kaisa
        kaisi kyun kyon kyu kya kaun kis kisko kise kiska kiske kiski kitna kitne kitni koi kuch kuchh sab sabhi sabko har ek hai
        hain ho hoon hun hu tha thi the thay hoga hogi honge hota hoti hote hua hui hue raha rahi rahe gaya gayi gaye kar karke karo
        karna karta karti karte kiya kiye liye liya diya diye de le tak bhi hi to toh na nahi nahin mat nhi haan han ji agar kyunki
        kyuki isliye phir fir abhi ab bas sirf bahut bohot zyada jyada kam thoda apna apne apni khud sath saath bina baad pehle
        andar bahar upar neeche paas taraf dwara bare wala wale wali waise aisa aise aisi a an and or but if of at by for with from
        on off are was were be been am do does did have has had this that it i you he she we they not no so than too very can will
        [indonesian]
        yang dan di ke dari untuk pada dengan dalam ini itu adalah ialah atau tetapi tapi namun melainkan sedangkan serta juga pun
        saya aku kamu kau anda engkau dia ia beliau kami kita kalian mereka nya ku mu akan telah sudah belum sedang masih pernah
        tidak tak bukan jangan tanpa oleh karena sebab maka sehingga agar supaya jika jikalau kalau bila apabila bilamana ketika
        saat sewaktu sejak sampai hingga sebelum sesudah setelah selama sementara meskipun walaupun meski walau sebagai seperti
        bagaikan bahwa apa siapa mana dimana kemana darimana kapan mengapa kenapa bagaimana berapa apakah siapakah ada adanya bisa
        dapat harus boleh mesti perlu ingin mau para semua seluruh setiap tiap segala beberapa banyak sedikit sebuah seorang suatu
        satu hal lain lainnya lagi lebih kurang paling sangat amat sekali hanya saja cuma begitu begini demikian tersebut itulah
        inilah ya maupun antara terhadap tentang mengenai menurut bagi kepada daripada atas bawah bersama sekitar secara yakni yaitu
        sini sana situ disini disana kini nanti tadi pula malah bahkan justru per sang si
        [kazakh]
        және мен да де та те бен пен немесе я яки бірақ алайда дегенмен себебі өйткені сондықтан егер ал бұл ол осы сол мына ана
        анау мынау осынау сонау сен сіз біз олар сіздер сендер маған саған оған бізге сізге оларға мені сені оны бізді сізді оларды
        менің сенің оның біздің сіздің олардың менде сенде онда бізде сізде оларда осында сонда мұнда кім не қандай қай қайда қашан
        қалай неге нешінші қанша неше әр әрбір бәрі барлық барша бүкіл кейбір кей ешкім ештеңе ешбір еш жоқ бар емес иә үшін туралы
        жайлы дейін шейін кейін соң бұрын гөрі сияқты секілді тәрізді арқылы бойынша қарай таман бірге басқа өзге ғана тек ең өте
        тым аса әлі енді қазір әрі тағы тағыда бір өз өзі өзінің еді екен болды болған болып болады бола болса болатын деп деген
        дейді ма ме ба бе па пе ғой қой шы ші мүмкін керек сонымен яғни мысалы
        [romanian]
        a abia acea aceasta această aceea acei aceia acel acela acele acelea acest acesta aceste acestea acestei acestor acestora
        acestui acești aceștia acolo acum adică ai aia aici al ale alt alta altă alte altele altfel alți altul am anume apoi ar are
        as aș asemenea asta astea așa astfel asupra atare atât atâta atâtea atâți atunci au avea avem aveți avut azi ba bine ca că
        căci când care cărei căror cărui cât câte câți către ce cea ceea cei ceilalți cel cele celor ceva chiar ci cine cineva cu
        cum cumva da dacă dar dat de deci deja deși despre din dintr dintre după ea ei el ele era erau eram este eu eș eşti ești
        face fără fel fi fie fiecare fiind fii fim foarte fost i iar ieri îi îl îmi împotriva în înainte înaintea încă încât însă
        însuși între într întru își îți îţi la le li lor lui mă mai mea mei mele mereu meu mi mie mine mult multă multe mulți ne
        nici nicio niciun niște noastră noastre nostru noștri nouă noi nu numai o oare ori oricare orice oricine oricum or pe pentru
        peste poate prea prin printr sa să săi sale sau său se si și sînt sub sunt suntem sunteți ta tăi tale tău te ți ție tine
        toată toate tot toți totuși tu un una unde unei unele uneia unii unor unora unui unul va vă vi voastră voastre voi vom vor
        vostru voștri vouă vreo vreun
        [slovene]
        in ali a ampak pa toda vendar temveč ter ne ni niti kot ker če da naj bi sem si je smo ste so sva sta bil bila bilo bili
        bile bom boš bo bomo boste bodo biti v na z s iz do od po pri za o ob pod nad pred med skozi čez brez zaradi proti k h preko
        poleg glede namesto jaz ti on ona ono mi vi oni one mene tebe njega nje nas vas njih meni tebi njemu njej nam vam njim mano
        tabo njo nami vami njimi me te ga jo ju jih mu ji jim se sebe sebi seboj svoj svoja svoje svojega svojo moj moja moje tvoj
        tvoja tvoje njegov njegova njegovo njen njena njeno naš naša naše vaš vaša vaše njihov njihova njihovo ta tega temu tem
        tisti tista tisto tiste to tale tole kdo kaj kje kam kdaj kako zakaj kateri katera katero katere kakšen kakšna kakšno koliko
        čigav kdor kar kjer kamor kadar kolikor nekdo nekaj nek neki neka neko nekateri nekatere nihče nič noben nobena nobeno vsak
        vsaka vsako ves vsa vse vsi vseh vsem sam sama samo drug drugi druga drugo drugega tak taka tako takšen tukaj tu tam tja
        zdaj potem tedaj še že le tudi bolj manj zelo več preveč precej skoraj spet torej zato namreč morda ja
        [tajik]
        ва ё ки аз ба дар бо барои то ҳам на не нест аст ҳаст ҳастанд буд буданд бошад бошанд мебошад мебошанд шуд шуда шудан шавад
        мешавад ман ту ӯ вай мо шумо онҳо он ин инҳо ҳамин ҳамон худ худаш маро туро ӯро моро шуморо онҳоро инро онро ҳар ҳеҷ ҳама
        ҳамаи баъзе чанд чандин якчанд як дигар чӣ кӣ кадом куҷо кай чаро тавр чун чунки зеро агар гарчанде вале аммо лекин балки
        пас баъд баъди пеш пеши даме вақте ҳангоме ҳангоми бораи оид назди байни миёни болои зери берун бе бар тибқи мувофиқи мисли
        монанди чунин чунон ҳанӯз акнун ҳозир имрӯз боз низ танҳо фақат хеле бисёр кам беш бештар камтар оё бале ҳа магар яъне
        масалан ҷо аниқ ҳатто албатта шояд бояд мумкин даркор лозим зиёд тамоми
        """
}
