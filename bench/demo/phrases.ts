/**
 * What the people of the demo say: short scenes, one line per turn, the speaker's letter first. `{place}`, `{time}`
 * and `{food}` are filled in per scene, the same word throughout, so that an answer fits its question.
 */
export interface Language {
  code: string
  /** First names, in letters that an id may have. */
  names: readonly string[]
  /** The same first names as people write them, in the same order. */
  given: readonly string[]
  family: readonly string[]
  /** Where the family's name comes first. */
  familyFirst?: true
  groups: readonly string[]
  place: readonly string[]
  time: readonly string[]
  food: readonly string[]
  scenes: readonly (readonly string[])[]
}

export const LANGUAGES: readonly Language[] = [
  {
    code: 'en',
    names: ['alice', 'oliver', 'grace', 'harry', 'emily', 'jack', 'ruby', 'noah', 'amelia', 'leo'],
    given: ['Alice', 'Oliver', 'Grace', 'Harry', 'Emily', 'Jack', 'Ruby', 'Noah', 'Amelia', 'Leo'],
    family: ['Turner', 'Bennett', 'Hughes', 'Okafor', 'Walsh', 'Reid', 'Foster', 'Clarke'],
    groups: ['Sunday football', 'Book club', 'Flat 12B', 'Release crew'],
    place: ['the park', 'the station', "Joe's", 'the library'],
    time: ['six', 'half past seven', 'noon', 'eight'],
    food: ['pizza', 'noodles', 'curry', 'pancakes'],
    scenes: [
      [
        'A: Are you free tonight?',
        'B: After work, yes. What is up?',
        'A: {food} at {place}?',
        'B: Always. {time}?',
        'A: {time} it is 🙂',
      ],
      [
        'A: Did the build go through?',
        'B: Green on the second try',
        'A: What was it?',
        'C: A flaky test. I have a fix up for review',
        'A: Looking now',
      ],
      ['A: Has anyone seen my keys?', 'B: On the kitchen table, next to the {food}', 'A: You are a lifesaver'],
      [
        'A: Train is late again, I will be at {place} around {time}',
        'B: No rush, I have a book',
        'A: Which one?',
        'B: The one you lent me two years ago 😅',
      ],
      [
        'A: Happy birthday!! 🎉',
        'C: Happy birthday from us as well',
        'B: Thank you all! {food} at mine at {time}?',
        'A: Count me in',
        'C: Bringing the candles',
      ],
    ],
  },
  {
    code: 'zh',
    names: ['mei', 'wei', 'lan', 'jun', 'xiaoyu', 'hao', 'ting', 'bo', 'yan', 'qiang'],
    given: ['美', '伟', '兰', '军', '晓雨', '浩', '婷', '波', '燕', '强'],
    family: ['陈', '王', '李', '张', '刘', '赵', '林', '周'],
    familyFirst: true,
    groups: ['周末爬山', '家人群', '项目组', '羽毛球'],
    place: ['公司楼下', '地铁站', '老地方', '图书馆'],
    time: ['六点', '七点半', '中午', '八点'],
    food: ['火锅', '饺子', '麻辣烫', '奶茶'],
    scenes: [
      [
        'A: 今晚有空吗？',
        'B: 下班以后有空，怎么了？',
        'A: 一起去吃{food}吧',
        'B: 好啊，{time}在{place}见？',
        'A: 好的，不见不散',
      ],
      ['A: 高铁票买到了吗？', 'B: 买到了，{time}出发', 'A: 太好了，我在{place}等你'],
      ['A: 今天的会改到{time}了', 'B: 收到', 'C: 我可能晚到五分钟', 'A: 没关系，先讨论第一项'],
      ['A: 妈，我到家了', 'B: 吃饭了没有？', 'A: 吃了{food}', 'B: 早点休息'],
      ['A: 周末谁去爬山？', 'B: 我去！', 'C: 天气预报说有雨', 'A: 那就改去吃{food} 😂', 'C: 这个好'],
    ],
  },
  {
    code: 'es',
    names: ['lucia', 'mateo', 'carmen', 'diego', 'sofia', 'pablo', 'ines', 'javier', 'elena', 'marcos'],
    given: ['Lucía', 'Mateo', 'Carmen', 'Diego', 'Sofía', 'Pablo', 'Inés', 'Javier', 'Elena', 'Marcos'],
    family: ['García', 'Molina', 'Ortega', 'Vidal', 'Romero', 'Navarro'],
    groups: ['Familia', 'Fútbol los jueves', 'Viaje a Granada', 'Oficina'],
    place: ['la plaza', 'la estación', 'el bar de siempre', 'la biblioteca'],
    time: ['las seis', 'las siete y media', 'las dos', 'las ocho'],
    food: ['tortilla', 'paella', 'tacos', 'churros'],
    scenes: [
      ['A: ¿Quedamos esta tarde?', 'B: ¡Claro! ¿Dónde?', 'A: En {place}, a {time}', 'B: Perfecto, yo llevo {food}'],
      [
        'A: ¿Cómo te fue en el examen?',
        'B: Creo que bien, ¡al fin!',
        'A: ¡Enhorabuena! Hay que celebrarlo con {food}',
        'B: A {time} en {place} 🎉',
      ],
      [
        'A: ¿Alguien puede recoger a los niños?',
        'B: Yo voy, salgo a {time}',
        'C: Yo preparo {food} para todos',
        'A: Sois los mejores',
      ],
      ['A: Mañana hay partido', 'B: ¿A qué hora?', 'A: A {time}', 'C: Allí estaré'],
    ],
  },
  {
    code: 'ar',
    names: ['layla', 'omar', 'noor', 'yusuf', 'salma', 'karim', 'huda', 'tariq', 'rania', 'sami'],
    given: ['ليلى', 'عمر', 'نور', 'يوسف', 'سلمى', 'كريم', 'هدى', 'طارق', 'رانيا', 'سامي'],
    family: ['حداد', 'منصور', 'خليل', 'ناصر', 'سليمان'],
    groups: ['العائلة', 'أصدقاء الجامعة', 'فريق العمل'],
    place: ['المقهى', 'المحطة', 'السوق', 'المكتبة'],
    time: ['السادسة', 'السابعة والنصف', 'الظهر', 'الثامنة'],
    food: ['الكبسة', 'الفلافل', 'الكنافة', 'المقلوبة'],
    scenes: [
      [
        'A: مساء الخير، هل أنت متفرغ اليوم؟',
        'B: نعم بعد العمل، لماذا؟',
        'A: لنتناول {food} معا',
        'B: فكرة جميلة، الساعة {time} في {place}',
        'A: اتفقنا',
      ],
      ['A: هل وصلت بالسلامة؟', 'B: الحمد لله، وصلت قبل قليل', 'A: الحمد لله على السلامة'],
      ['A: من سيأتي غدا؟', 'B: أنا سآتي إن شاء الله', 'C: وأنا أيضا، سأحضر {food}', 'A: ممتاز، نلتقي في {place}'],
    ],
  },
  {
    code: 'hi',
    names: ['asha', 'rohan', 'priya', 'arjun', 'neha', 'vikram', 'kavya', 'sanjay', 'meera', 'amit'],
    given: ['आशा', 'रोहन', 'प्रिया', 'अर्जुन', 'नेहा', 'विक्रम', 'काव्या', 'संजय', 'मीरा', 'अमित'],
    family: ['शर्मा', 'पटेल', 'राव', 'गुप्ता', 'मेनन'],
    groups: ['परिवार', 'क्रिकेट टीम', 'दफ़्तर'],
    place: ['स्टेशन', 'पार्क', 'चाय की दुकान', 'बाज़ार'],
    time: ['छह बजे', 'साढ़े सात बजे', 'दोपहर में', 'आठ बजे'],
    food: ['समोसे', 'बिरयानी', 'पराठे', 'जलेबी'],
    scenes: [
      ['A: आज शाम को मिलें?', 'B: हाँ, कहाँ?', 'A: {place} पर, {time}', 'B: ठीक है, मैं {food} लाऊँगा'],
      ['A: मैच देखा क्या?', 'B: क्या शानदार जीत थी! 🏏', 'C: आख़िरी ओवर में तो दिल रुक गया था', 'A: कल {time} फिर खेलते हैं'],
      ['A: घर पहुँच गए?', 'B: हाँ माँ, अभी पहुँचा', 'A: खाने में {food} बनाए हैं', 'B: वाह!'],
    ],
  },
  {
    code: 'ja',
    names: ['yuki', 'haruto', 'sakura', 'ren', 'aoi', 'kaito', 'hina', 'sota', 'mio', 'riku'],
    given: ['優希', '陽翔', '桜', '蓮', '葵', '海斗', '陽菜', '颯太', '澪', '陸'],
    family: ['佐藤', '鈴木', '高橋', '田中', '伊藤'],
    familyFirst: true,
    groups: ['登山部', '家族', '新製品チーム'],
    place: ['駅前', 'いつもの店', '図書館', '公園'],
    time: ['六時', '七時半', '正午', '八時'],
    food: ['ラーメン', '寿司', 'お好み焼き', 'カレー'],
    scenes: [
      [
        'A: 今夜、空いてる？',
        'B: 仕事のあとなら大丈夫',
        'A: {food}食べに行かない？',
        'B: いいね！{time}に{place}で',
        'A: 了解です',
      ],
      ['A: 会議は{time}に変更です', 'B: 承知しました', 'C: 資料を共有しました', 'A: ありがとうございます'],
      ['A: 傘、忘れてない？', 'B: あっ、{place}に置いてきた…', 'A: 取りに行こうか？', 'B: 助かる！'],
    ],
  },
  {
    code: 'pt',
    names: ['joao', 'beatriz', 'tiago', 'larissa', 'pedro', 'camila', 'rafael', 'marina', 'bruno', 'helena'],
    given: ['João', 'Beatriz', 'Tiago', 'Larissa', 'Pedro', 'Camila', 'Rafael', 'Marina', 'Bruno', 'Helena'],
    family: ['Silva', 'Almeida', 'Costa', 'Ribeiro', 'Teixeira'],
    groups: ['Família', 'Praia no sábado', 'Equipe'],
    place: ['a praia', 'a estação', 'a padaria', 'o parque'],
    time: ['seis', 'sete e meia', 'meio-dia', 'oito'],
    food: ['feijoada', 'pão de queijo', 'pastel', 'açaí'],
    scenes: [
      [
        'A: Bora sair hoje?',
        'B: Bora! Que horas?',
        'A: Às {time}, te espero na frente de {place}',
        'B: Fechado, vou levar {food} 😄',
      ],
      ['A: Você viu o jogo?', 'B: Nem me fale...', 'C: Que golaço no final!', 'A: Sábado a gente desconta'],
      ['A: Mãe, chego às {time}', 'B: Está bem, filho. Tem {food} no forno', 'A: Te amo ❤️'],
    ],
  },
  {
    code: 'fr',
    names: ['camille', 'louis', 'chloe', 'hugo', 'manon', 'jules', 'lea', 'arthur', 'zoe', 'paul'],
    given: ['Camille', 'Louis', 'Chloé', 'Hugo', 'Manon', 'Jules', 'Léa', 'Arthur', 'Zoé', 'Paul'],
    family: ['Moreau', 'Lefèvre', 'Girard', 'Roux', 'Fontaine'],
    groups: ['La famille', 'Rando du dimanche', 'Le bureau'],
    place: ['la gare', 'la boulangerie', 'le parc', 'la médiathèque'],
    time: ['dix-huit heures', 'midi', 'vingt heures', 'dix heures'],
    food: ['des crêpes', 'une quiche', 'une raclette', 'des croissants'],
    scenes: [
      [
        'A: Tu es libre ce soir ?',
        'B: Oui, pourquoi ?',
        'A: On se retrouve devant {place} vers {time} ?',
        'B: Ça marche, j’apporte {food}',
      ],
      [
        'A: Le train est encore en retard…',
        'B: Comme d’habitude 🙄',
        'A: Je serai là vers {time}',
        'B: Pas de souci, on garde {food} au chaud',
      ],
      [
        'A: Qui vient dimanche ?',
        'B: Moi !',
        'C: Moi aussi, s’il ne pleut pas',
        'A: Rendez-vous à {time}, n’oubliez pas vos chaussures',
      ],
    ],
  },
  {
    code: 'de',
    names: ['lena', 'felix', 'mia', 'jonas', 'klara', 'emil', 'greta', 'anton', 'frieda', 'moritz'],
    given: ['Lena', 'Felix', 'Mia', 'Jonas', 'Klara', 'Emil', 'Greta', 'Anton', 'Frieda', 'Moritz'],
    family: ['Vogel', 'Brandt', 'Keller', 'Sommer', 'Winter'],
    groups: ['Familie', 'Chorprobe', 'Projekt Süd'],
    place: ['am Bahnhof', 'im Café', 'im Park', 'vor der Bücherei'],
    time: ['sechs', 'halb acht', 'zwölf', 'acht'],
    food: ['Kuchen', 'Spätzle', 'Brezeln', 'Kartoffelsalat'],
    scenes: [
      [
        'A: Hast du heute Abend Zeit?',
        'B: Nach der Arbeit, ja',
        'A: Treffen wir uns um {time} {place}?',
        'B: Gern, ich bringe {food} mit',
      ],
      [
        'A: Die Probe beginnt erst um {time}',
        'B: Danke für die Nachricht',
        'C: Ich komme etwas später',
        'A: Kein Problem, wir fangen mit dem zweiten Stück an',
      ],
      ['A: Wer hat meinen {food} aufgegessen?', 'B: Ich war es nicht!', 'C: Äh … er war sehr lecker', 'A: 😤'],
    ],
  },
  {
    code: 'sw',
    names: ['amani', 'baraka', 'neema', 'juma', 'zuri', 'faraji', 'imani', 'rehema'],
    given: ['Amani', 'Baraka', 'Neema', 'Juma', 'Zuri', 'Faraji', 'Imani', 'Rehema'],
    family: ['Mwangi', 'Otieno', 'Njoroge', 'Kamau'],
    groups: ['Familia yetu', 'Kikundi cha kazi'],
    place: ['sokoni', 'kituoni', 'maktabani'],
    time: ['saa kumi na mbili', 'saa moja na nusu', 'saa sita mchana'],
    food: ['ugali', 'pilau', 'chapati'],
    scenes: [
      [
        'A: Habari za leo?',
        'B: Nzuri sana, na wewe?',
        'A: Salama. Tukutane {place} {time}?',
        'B: Sawa, nitaleta {food}',
      ],
      ['A: Nani atakuja kesho?', 'B: Mimi nitakuja', 'C: Mimi pia', 'A: Karibuni sana'],
    ],
  },
]
