// Names of South Korea's provinces, cities, counties and districts, read over by hand: Korean as the
// law has them (short forms on the map), English in Revised Romanization as the municipalities write
// themselves. A code groups the boundary file's codes that begin with it: cities that the file holds
// by district are one place here, and places that were merged or renamed since 2023 stand as today.

/** `code Korean English`, one a line. */
const table = (text) =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const [codes, ko, ...en] = line.trim().split(' ');
      return { codes: codes.split(','), ko, en: en.join(' ') };
    });

/** The seventeen provinces and cities of their rank, by the first two digits. */
export const provinces = table(`
11 서울 Seoul
26 부산 Busan
27,4772 대구 Daegu
28 인천 Incheon
29 광주 Gwangju
30 대전 Daejeon
31 울산 Ulsan
36 세종 Sejong
41 경기도 Gyeonggi-do
42 강원특별자치도 Gangwon State
43 충청북도 Chungcheongbuk-do
44 충청남도 Chungcheongnam-do
45 전북특별자치도 Jeonbuk State
46 전라남도 Jeollanam-do
47 경상북도 Gyeongsangbuk-do
48 경상남도 Gyeongsangnam-do
50 제주특별자치도 Jeju
`);

/** Cities: `size` decides from which zoom on they are named (1 early, 3 late). */
export const cities = [
  ...sized(
    1,
    `
11 서울 Seoul
26 부산 Busan
27 대구 Daegu
28 인천 Incheon
29 광주 Gwangju
30 대전 Daejeon
31 울산 Ulsan
36 세종 Sejong
4111 수원 Suwon
4311,4371 청주 Cheongju
4511 전주 Jeonju
4812 창원 Changwon
4711 포항 Pohang
4215 강릉 Gangneung
4613 여수 Yeosu
5011 제주 Jeju
4211 춘천 Chuncheon
`,
  ),
  ...sized(
    2,
    `
4113 성남 Seongnam
4115 의정부 Uijeongbu
4117 안양 Anyang
4119 부천 Bucheon
4122 평택 Pyeongtaek
4127 안산 Ansan
4128 고양 Goyang
4146 용인 Yongin
4148 파주 Paju
4159 화성 Hwaseong
4136 남양주 Namyangju
4213 원주 Wonju
4221 속초 Sokcho
4217 동해 Donghae
4313 충주 Chungju
4315 제천 Jecheon
4413 천안 Cheonan
4415 공주 Gongju
4418 보령 Boryeong
4420 아산 Asan
4421 서산 Seosan
4427 당진 Dangjin
4513 군산 Gunsan
4514 익산 Iksan
4518 정읍 Jeongeup
4519 남원 Namwon
4611 목포 Mokpo
4615 순천 Suncheon
4617 나주 Naju
4623 광양 Gwangyang
4713 경주 Gyeongju
4715 김천 Gimcheon
4717 안동 Andong
4719 구미 Gumi
4721 영주 Yeongju
4725 상주 Sangju
4728 문경 Mungyeong
4817 진주 Jinju
4822 통영 Tongyeong
4824 사천 Sacheon
4825 김해 Gimhae
4827 밀양 Miryang
4831 거제 Geoje
4833 양산 Yangsan
5013 서귀포 Seogwipo
4165 포천 Pocheon
4155 안성 Anseong
4150 이천 Icheon
4157 김포 Gimpo
`,
  ),
  ...sized(
    3,
    `
4121 광명 Gwangmyeong
4125 동두천 Dongducheon
4129 과천 Gwacheon
4131 구리 Guri
4137 오산 Osan
4139 시흥 Siheung
4141 군포 Gunpo
4143 의왕 Uiwang
4145 하남 Hanam
4161 광주 Gwangju
4163 양주 Yangju
4173 여주 Yeoju
4219 태백 Taebaek
4223 삼척 Samcheok
4423 논산 Nonsan
4425 계룡 Gyeryong
4521 김제 Gimje
4723 영천 Yeongcheon
4729 경산 Gyeongsan
`,
  ),
];

/** Counties. */
export const counties = table(`
2671 기장 Gijang
2771 달성 Dalseong
4772 군위 Gunwi
2871 강화 Ganghwa
2872 옹진 Ongjin
3171 울주 Ulju
4180 연천 Yeoncheon
4182 가평 Gapyeong
4183 양평 Yangpyeong
4272 홍천 Hongcheon
4273 횡성 Hoengseong
4275 영월 Yeongwol
4276 평창 Pyeongchang
4277 정선 Jeongseon
4278 철원 Cheorwon
4279 화천 Hwacheon
4280 양구 Yanggu
4281 인제 Inje
4282 고성 Goseong
4283 양양 Yangyang
4372 보은 Boeun
4373 옥천 Okcheon
43740 영동 Yeongdong
43745 증평 Jeungpyeong
4375 진천 Jincheon
4376 괴산 Goesan
4377 음성 Eumseong
4380 단양 Danyang
4471 금산 Geumsan
4476 부여 Buyeo
4477 서천 Seocheon
4479 청양 Cheongyang
4480 홍성 Hongseong
4481 예산 Yesan
44825 태안 Taean
4571 완주 Wanju
4572 진안 Jinan
4573 무주 Muju
4574 장수 Jangsu
4575 임실 Imsil
4577 순창 Sunchang
4579 고창 Gochang
4580 부안 Buan
4671 담양 Damyang
4672 곡성 Gokseong
4673 구례 Gurye
4677 고흥 Goheung
4678 보성 Boseong
4679 화순 Hwasun
4680 장흥 Jangheung
4681 강진 Gangjin
4682 해남 Haenam
4683 영암 Yeongam
4684 무안 Muan
4686 함평 Hampyeong
4687 영광 Yeonggwang
4688 장성 Jangseong
4689 완도 Wando
4690 진도 Jindo
4691 신안 Sinan
4773 의성 Uiseong
4775 청송 Cheongsong
4776 영양 Yeongyang
4777 영덕 Yeongdeok
4782 청도 Cheongdo
4783 고령 Goryeong
4784 성주 Seongju
4785 칠곡 Chilgok
4790 예천 Yecheon
4792 봉화 Bonghwa
4793 울진 Uljin
4794 울릉 Ulleung
4872 의령 Uiryeong
4873 함안 Haman
4874 창녕 Changnyeong
4882 고성 Goseong
4884 남해 Namhae
4885 하동 Hadong
4886 산청 Sancheong
4887 함양 Hamyang
4888 거창 Geochang
4889 합천 Hapcheon
`);

/** Districts. */
export const districts = table(`
11110 종로구 Jongno-gu
11140 중구 Jung-gu
11170 용산구 Yongsan-gu
11200 성동구 Seongdong-gu
11215 광진구 Gwangjin-gu
11230 동대문구 Dongdaemun-gu
11260 중랑구 Jungnang-gu
11290 성북구 Seongbuk-gu
11305 강북구 Gangbuk-gu
11320 도봉구 Dobong-gu
11350 노원구 Nowon-gu
11380 은평구 Eunpyeong-gu
11410 서대문구 Seodaemun-gu
11440 마포구 Mapo-gu
11470 양천구 Yangcheon-gu
11500 강서구 Gangseo-gu
11530 구로구 Guro-gu
11545 금천구 Geumcheon-gu
11560 영등포구 Yeongdeungpo-gu
11590 동작구 Dongjak-gu
11620 관악구 Gwanak-gu
11650 서초구 Seocho-gu
11680 강남구 Gangnam-gu
11710 송파구 Songpa-gu
11740 강동구 Gangdong-gu
26110 중구 Jung-gu
26140 서구 Seo-gu
26170 동구 Dong-gu
26200 영도구 Yeongdo-gu
26230 부산진구 Busanjin-gu
26260 동래구 Dongnae-gu
26290 남구 Nam-gu
26320 북구 Buk-gu
26350 해운대구 Haeundae-gu
26380 사하구 Saha-gu
26410 금정구 Geumjeong-gu
26440 강서구 Gangseo-gu
26470 연제구 Yeonje-gu
26500 수영구 Suyeong-gu
26530 사상구 Sasang-gu
27110 중구 Jung-gu
27140 동구 Dong-gu
27170 서구 Seo-gu
27200 남구 Nam-gu
27230 북구 Buk-gu
27260 수성구 Suseong-gu
27290 달서구 Dalseo-gu
28170 미추홀구 Michuhol-gu
28185 연수구 Yeonsu-gu
28200 남동구 Namdong-gu
28237 부평구 Bupyeong-gu
28245 계양구 Gyeyang-gu
29110 동구 Dong-gu
29140 서구 Seo-gu
29155 남구 Nam-gu
29170 북구 Buk-gu
29200 광산구 Gwangsan-gu
30110 동구 Dong-gu
30140 중구 Jung-gu
30170 서구 Seo-gu
30200 유성구 Yuseong-gu
30230 대덕구 Daedeok-gu
31110 중구 Jung-gu
31140 남구 Nam-gu
31170 동구 Dong-gu
31200 북구 Buk-gu
`);

function sized(size, text) {
  return table(text).map((place) => ({ ...place, size }));
}
