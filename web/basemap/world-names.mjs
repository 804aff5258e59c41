// Names outside South Korea, read over by hand: `English|Korean|country|size`. Where a place lies
// comes from GeoNames by its English name and country. Size 1 is named from the widest views on.
export const cities = `
Pyongyang|평양|KP|1
Kaesŏng|개성|KP|2
Hamhŭng|함흥|KP|2
Chongjin|청진|KP|2
Wŏnsan|원산|KP|2
Sinŭiju|신의주|KP|2
Namp’o|남포|KP|3
Haeju|해주|KP|2
Sariwŏn-si|사리원|KP|3
Kanggye|강계|KP|3
Hyesan|혜산|KP|3
Tokyo|도쿄|JP|1
Osaka|오사카|JP|1
Nagoya|나고야|JP|2
Fukuoka|후쿠오카|JP|2
Hiroshima|히로시마|JP|2
Sapporo|삿포로|JP|1
Sendai|센다이|JP|2
Kyoto|교토|JP|3
Kitakyushu|기타큐슈|JP|3
Nagasaki|나가사키|JP|3
Kagoshima|가고시마|JP|2
Niigata|니가타|JP|3
Kanazawa|가나자와|JP|3
Matsue|마쓰에|JP|3
Okayama|오카야마|JP|3
Naha|나하|JP|2
Beijing|베이징|CN|1
Shanghai|상하이|CN|1
Tianjin|톈진|CN|2
Qingdao|칭다오|CN|2
Dalian|다롄|CN|2
Shenyang|선양|CN|2
Changchun|창춘|CN|2
Harbin|하얼빈|CN|2
Jinan|지난|CN|3
Yantai|옌타이|CN|3
Dandong|단둥|CN|3
Yanji|옌지|CN|3
Nanjing|난징|CN|2
Hangzhou|항저우|CN|3
Wuhan|우한|CN|2
Guangzhou|광저우|CN|2
Shenzhen|선전|CN|3
Chongqing|충칭|CN|2
Chengdu|청두|CN|2
Xi’an|시안|CN|2
Kunming|쿤밍|CN|2
Ürümqi|우루무치|CN|2
Hong Kong|홍콩|HK|1
Taipei|타이베이|TW|1
Kaohsiung|가오슝|TW|3
Vladivostok|블라디보스토크|RU|2
Khabarovsk|하바롭스크|RU|2
Moscow|모스크바|RU|1
Saint Petersburg|상트페테르부르크|RU|2
Novosibirsk|노보시비르스크|RU|2
Yekaterinburg|예카테린부르크|RU|2
Ulan Bator|울란바토르|MN|1
Manila|마닐라|PH|1
Hanoi|하노이|VN|1
Ho Chi Minh City|호찌민|VN|2
Bangkok|방콕|TH|1
Singapore|싱가포르|SG|1
Kuala Lumpur|쿠알라룸푸르|MY|1
Jakarta|자카르타|ID|1
Surabaya|수라바야|ID|2
Delhi|델리|IN|1
Mumbai|뭄바이|IN|1
Kolkata|콜카타|IN|2
Chennai|첸나이|IN|2
Bengaluru|벵갈루루|IN|2
Dhaka|다카|BD|1
Yangon|양곤|MM|2
Karachi|카라치|PK|2
Kabul|카불|AF|2
Tashkent|타슈켄트|UZ|2
Almaty|알마티|KZ|2
Tehran|테헤란|IR|1
Baghdad|바그다드|IQ|1
Riyadh|리야드|SA|1
Dubai|두바이|AE|2
Istanbul|이스탄불|TR|1
Ankara|앙카라|TR|2
Cairo|카이로|EG|1
Nairobi|나이로비|KE|1
Lagos|라고스|NG|1
Kinshasa|킨샤사|CD|1
Addis Ababa|아디스아바바|ET|2
Johannesburg|요하네스버그|ZA|1
Cape Town|케이프타운|ZA|2
Casablanca|카사블랑카|MA|2
Algiers|알제|DZ|2
London|런던|GB|1
Paris|파리|FR|1
Berlin|베를린|DE|1
Madrid|마드리드|ES|1
Rome|로마|IT|1
Vienna|빈|AT|2
Warsaw|바르샤바|PL|2
Kyiv|키이우|UA|2
Stockholm|스톡홀름|SE|2
Oslo|오슬로|NO|2
Helsinki|헬싱키|FI|2
Copenhagen|코펜하겐|DK|2
Athens|아테네|GR|2
Lisbon|리스본|PT|2
Dublin|더블린|IE|2
Amsterdam|암스테르담|NL|2
New York City|뉴욕|US|1
Los Angeles|로스앤젤레스|US|1
Chicago|시카고|US|1
San Francisco|샌프란시스코|US|2
Seattle|시애틀|US|2
Houston|휴스턴|US|2
Miami|마이애미|US|2
Denver|덴버|US|2
Washington|워싱턴|US|2
Honolulu|호놀룰루|US|2
Anchorage|앵커리지|US|2
Toronto|토론토|CA|1
Vancouver|밴쿠버|CA|2
Montréal|몬트리올|CA|2
Mexico City|멕시코시티|MX|1
Havana|아바나|CU|2
Bogotá|보고타|CO|1
Lima|리마|PE|1
Santiago|산티아고|CL|1
Buenos Aires|부에노스아이레스|AR|1
São Paulo|상파울루|BR|1
Rio de Janeiro|리우데자네이루|BR|2
Brasília|브라질리아|BR|2
Caracas|카라카스|VE|2
Sydney|시드니|AU|1
Melbourne|멜버른|AU|2
Perth|퍼스|AU|2
Brisbane|브리즈번|AU|2
Auckland|오클랜드|NZ|1
`
  .trim()
  .split('\n')
  .map((line) => {
    const [geoname, ko, country, size] = line.split('|');
    return { geoname, ko, country, size: Number(size) };
  });

/** What is written on the map where GeoNames spells differently from common use. */
export const plain = {
  Kaesŏng: 'Kaesong',
  Hamhŭng: 'Hamhung',
  Wŏnsan: 'Wonsan',
  Sinŭiju: 'Sinuiju',
  'Namp’o': 'Nampo',
  'Sariwŏn-si': 'Sariwon',
  'Xi’an': "Xi'an",
  'Ulan Bator': 'Ulaanbaatar',
  'New York City': 'New York',
};

/** Seas around Korea: `English|Korean|longitude|latitude|size`. */
export const seas = `
East Sea|동해|131.6|38.6|1
Yellow Sea|서해|123.6|36.0|1
South Sea|남해|128.0|33.9|2
East China Sea|동중국해|124.5|30.0|1
Pacific Ocean|태평양|160|28|1
Indian Ocean|인도양|78|-12|1
Atlantic Ocean|대서양|-35|28|1
Ulleungdo|울릉도|130.87|37.53|3
Dokdo|독도|131.866|37.241|2
`
  .trim()
  .split('\n')
  .map((line) => {
    const [en, ko, lon, lat, size] = line.split('|');
    return { en, ko, lon: Number(lon), lat: Number(lat), size: Number(size) };
  });
