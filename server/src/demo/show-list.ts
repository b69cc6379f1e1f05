import { won } from '@usher/domain/money.ts';
import type { WeeklyTimes } from './calendar.ts';
import type { ShowPlan } from './show-types.ts';

const musicalWeek: WeeklyTimes = {
  0: ['14:00', '18:30'],
  2: ['19:30'],
  3: ['14:30', '19:30'],
  4: ['19:30'],
  5: ['19:30'],
  6: ['14:00', '19:00'],
};
const playWeek: WeeklyTimes = {
  0: ['15:00'],
  2: ['20:00'],
  3: ['20:00'],
  4: ['20:00'],
  5: ['20:00'],
  6: ['15:00', '19:00'],
};
const exhibitionWeek: WeeklyTimes = {
  0: ['11:00', '13:00', '15:00', '17:00'],
  2: ['11:00', '14:00', '17:00'],
  3: ['11:00', '14:00', '17:00'],
  4: ['11:00', '14:00', '17:00'],
  5: ['11:00', '14:00', '17:00', '19:30'],
  6: ['11:00', '13:00', '15:00', '17:00', '19:30'],
};

/** All titles, people and companies are invented. */
export const showList: readonly ShowPlan[] = [
  {
    key: 'coordinates-of-the-night',
    venue: 'arena',
    category: 'CONCERT',
    title: {
      ko: '네온하루 콘서트 〈밤의 좌표〉',
      en: 'NEONHARU in Concert: Coordinates of the Night',
    },
    synopsis: {
      ko:
        '데뷔 5년 차 여섯 멤버가 처음으로 아레나에 섭니다. 도시의 불빛을 별자리처럼 잇는 무대, 객석 한가운데까지 뻗은 런웨이, 그리고 이번 공연에서 ' +
        '처음 공개하는 신곡 네 곡. 길을 잃은 밤마다 서로의 좌표가 되어 준 노래를 두 시간 반 동안 들려드립니다.',
      en:
        'Five years after their debut, the six members play an arena for the first time: ' +
        'a stage that joins the lights of a city into constellations, a runway into the ' +
        'middle of the floor, and four songs never heard before. Two and a half hours of ' +
        'the music that told each of them where they were.',
    },
    runningTimeMinutes: 150,
    ageLimit: 8,
    prices: { VIP: 198_000, R: 165_000, S: 143_000, A: 121_000, B: 99_000 },
    opens: { inMinutes: 5 },
    run: {
      fromDay: 30,
      weekday: 5,
      days: 3,
      times: { 5: ['19:30'], 6: ['18:00'], 0: ['17:00'] },
    },
  },
  {
    key: 'red-lighthouse',
    venue: 'theatre',
    category: 'MUSICAL',
    title: { ko: '뮤지컬 〈붉은 등대〉', en: 'The Red Lighthouse' },
    synopsis: {
      ko:
        '1937년 남쪽 바다의 작은 섬. 등대지기의 딸 해인은 폭풍이 치던 밤 떠밀려 온 무전사를 숨겨 줍니다. 꺼서는 안 되는 불과 켜서는 안 되는 ' +
        '불 사이에서 섬사람들은 저마다의 선택을 합니다. 열두 명의 배우와 아홉 명의 연주자가 파도처럼 밀려오는 합창으로 들려주는 창작 뮤지컬.',
      en:
        'A small island in the southern sea, 1937. On the night of a storm Haein, the ' +
        'lighthouse keeper’s daughter, hides a wireless operator washed ashore. Between a ' +
        'light that must not go out and a light that must not be lit, everyone on the ' +
        'island has to choose. A new musical for twelve actors and nine players.',
    },
    runningTimeMinutes: 155,
    ageLimit: 8,
    refusesStranding: true,
    prices: { VIP: 170_000, R: 140_000, S: 110_000, A: 80_000 },
    opens: { days: -12, hour: 14 },
    run: { fromDay: 1, days: 33, times: musicalWeek },
  },
  {
    key: 'last-post-office',
    venue: 'studio',
    category: 'PLAY',
    title: { ko: '연극 〈마지막 우체국〉', en: 'The Last Post Office' },
    synopsis: {
      ko:
        '문을 닫기로 한 시골 우체국의 마지막 일주일. 주소가 지워진 편지 한 통을 두고 국장과 집배원, 그리고 편지를 부친 적 없다는 할머니가 마주 ' +
        '앉습니다. 웃다가 문득 조용해지는 90분, 다시 만나고 싶다는 관객의 요청으로 돌아온 재공연.',
      en:
        'The last week of a country post office. Over one letter whose address has faded ' +
        'sit the postmaster, the postman, and an old woman who says she never sent it. ' +
        'Ninety minutes that make you laugh and then fall silent, back by request of ' +
        'those who saw it.',
    },
    runningTimeMinutes: 90,
    ageLimit: 12,
    isSoldOut: true,
    prices: { R: 55_000, S: 40_000 },
    opens: { days: -30, hour: 14 },
    run: { fromDay: 2, days: 9, times: playWeek },
  },
  {
    key: 'midnight-map-of-jazz',
    venue: 'concert-hall',
    category: 'CONCERT',
    title: { ko: '서온 콰르텟 〈한밤의 재즈 지도〉', en: 'Seo-on Quartet: A Midnight Map of Jazz' },
    synopsis: {
      ko:
        '골목마다 다른 리듬이 흐르는 상상의 도시를 네 명의 연주자가 걷습니다. 피아노가 길을 내고, 베이스가 지하철처럼 지나가고, 색소폰이 가로등을 ' +
        '켭니다. 매회 순서가 달라지는 즉흥의 밤.',
      en:
        'Four players walk through an imagined city where every alley has its own rhythm. ' +
        'The piano draws the streets, the bass passes below like a train, the saxophone ' +
        'lights the lamps. A night of improvisation, in a different order each time.',
    },
    runningTimeMinutes: 110,
    ageLimit: 8,
    prices: { R: 88_000, S: 66_000, A: 44_000 },
    opens: { days: -9, hour: 12 },
    run: { fromDay: 6, weekday: 5, days: 9, times: { 5: ['20:00'] } },
  },
  {
    key: 'how-to-become-a-whale',
    venue: 'concert-hall',
    category: 'MUSICAL',
    title: { ko: '가족 뮤지컬 〈고래가 되는 법〉', en: 'How to Become a Whale' },
    synopsis: {
      ko:
        '목소리가 너무 커서 늘 혼나던 아이 한결이가 바다에서 가장 큰 노래를 부르는 고래를 만납니다. 객석의 아이들이 함께 파도 소리를 만들어야 ' +
        '이야기가 끝까지 갑니다. 36개월 이상이면 누구나.',
      en:
        'Hangyeol, always scolded for being too loud, meets the whale that sings the ' +
        'largest song in the sea. The children in the audience have to make the waves, or ' +
        'the story cannot reach its end. For everyone from the age of three.',
    },
    runningTimeMinutes: 70,
    ageLimit: 3,
    ladder: 'consumer-standard',
    prices: { R: 66_000, S: 55_000, A: 44_000 },
    opens: { days: -6, hour: 11 },
    run: {
      fromDay: 8,
      weekday: 6,
      days: 23,
      times: { 6: ['11:00', '14:00'], 0: ['11:00', '14:00'] },
    },
  },
  {
    key: 'north-sea-symphony',
    venue: 'concert-hall',
    category: 'CLASSIC',
    title: {
      ko: '솔바람 필하모닉 정기연주회 〈북쪽 바다〉',
      en: 'Solbaram Philharmonic: The North Sea',
    },
    synopsis: {
      ko:
        '얼음이 갈라지는 소리에서 시작해 첫 햇살로 끝나는 4악장 교향시 〈북쪽 바다〉의 초연. 상임지휘자 문가람이 지휘하고, 1부에서는 첼리스트 ' +
        '윤서담이 협연합니다.',
      en:
        'The first performance of a symphonic poem in four movements that begins with the ' +
        'cracking of ice and ends with the first sun. Mun Garam conducts; in the first ' +
        'half Yun Seodam plays the cello.',
    },
    runningTimeMinutes: 105,
    ageLimit: 8,
    prices: { R: 100_000, S: 70_000, A: 40_000 },
    opens: { days: -20, hour: 14 },
    run: { fromDay: 17, weekday: 4, days: 3, times: { 4: ['19:30'], 6: ['17:00'] } },
  },
  {
    key: 'letters-written-in-light',
    venue: 'media-hall',
    category: 'EXHIBITION',
    title: { ko: '몰입형 전시 〈빛으로 쓴 편지〉', en: 'Letters Written in Light' },
    synopsis: {
      ko:
        '부치지 못한 편지 천 통이 빛이 되어 벽과 바닥을 흐릅니다. 반원으로 놓인 자리에 앉아 45분 동안 한 사람의 계절을 지나가는 미디어 전시. ' +
        '회차마다 다른 편지가 마지막 장면이 됩니다.',
      en:
        'A thousand letters that were never sent flow over the walls and the floor as ' +
        'light. Seated in a half circle, you pass through the seasons of one life in ' +
        'forty-five minutes; each showing ends with a different letter.',
    },
    runningTimeMinutes: 45,
    ageLimit: 0,
    ladder: 'consumer-standard',
    prices: { A: 22_000 },
    opens: { days: -15, hour: 10 },
    run: { fromDay: 1, days: 28, times: exhibitionWeek },
  },
  {
    key: 'summer-in-the-refrigerator',
    venue: 'studio',
    category: 'PLAY',
    title: { ko: '연극 〈냉장고 속의 여름〉', en: 'Summer in the Refrigerator' },
    synopsis: {
      ko:
        '옥탑방의 고장 난 냉장고를 열면 작년 여름이 그대로 들어 있습니다. 헤어진 두 사람과 눈치 없는 수리 기사의 소동극. 관객이 고른 반찬으로 ' +
        '결말이 달라집니다.',
      en:
        'Open the broken refrigerator in the rooftop room and last summer is still ' +
        'inside. A comedy of two people who have parted and a repairman who cannot take a ' +
        'hint, with an ending that depends on what the audience picks from the shelves.',
    },
    runningTimeMinutes: 95,
    ageLimit: 12,
    prices: {},
    grades: [
      { name: { ko: '냉장고 앞자리', en: 'By the refrigerator' }, price: won(50_000) },
      { name: { ko: '마루석', en: 'Floor' }, price: won(42_000) },
      { name: { ko: '옥상석', en: 'Rooftop' }, price: won(30_000) },
    ],
    rules: [
      { grade: '마루석' },
      { grade: '냉장고 앞자리', section: '객석', rows: ['가', '나', '다'] },
      { grade: '옥상석', section: '객석', rows: ['차', '카', '타'] },
    ],
    opens: { days: -3, hour: 14 },
    run: { fromDay: 15, weekday: 2, days: 27, times: playWeek },
  },
  {
    key: 'four-windows',
    venue: 'concert-hall',
    category: 'CLASSIC',
    title: { ko: '물비늘 현악사중주단 〈네 개의 창〉', en: 'Mulbineul Quartet: Four Windows' },
    synopsis: {
      ko: '같은 풍경을 네 개의 창으로 바라본다면. 새벽, 정오, 해 질 녘, 자정을 위한 네 곡의 사중주를 쉬는 시간 없이 이어 연주합니다.',
      en:
        'One view through four windows. Four quartets, for dawn, noon, dusk and midnight, ' +
        'played without a break.',
    },
    runningTimeMinutes: 80,
    ageLimit: 8,
    prices: { R: 60_000, S: 40_000, A: 20_000 },
    opens: { days: -8, hour: 10 },
    run: { fromDay: 24, weekday: 2, days: 1, times: { 2: ['19:30'] } },
  },
  {
    key: 'a-tender-noise',
    venue: 'concert-hall',
    category: 'CONCERT',
    title: { ko: '하윤서 어쿠스틱 콘서트 〈다정한 소음〉', en: 'Ha Yunseo: A Tender Noise' },
    synopsis: {
      ko:
        '냄비 뚜껑이 달그락거리는 소리, 옆집의 피아노, 버스의 마지막 안내 방송. 싱어송라이터 하윤서가 일상의 소리로 만든 새 앨범을 기타 한 대와 ' +
        '현악 삼중주로 들려줍니다.',
      en:
        'The rattle of a lid, the piano next door, the last announcement on a bus. ' +
        'Singer-songwriter Ha Yunseo plays her new album, made from the sounds of ' +
        'ordinary days, with one guitar and a string trio.',
    },
    runningTimeMinutes: 100,
    ageLimit: 8,
    prices: { R: 99_000, S: 88_000, A: 77_000 },
    opens: { days: -1, hour: 20 },
    run: {
      fromDay: 34,
      weekday: 5,
      days: 3,
      times: { 5: ['20:00'], 6: ['19:00'], 0: ['18:00'] },
    },
  },
  {
    key: 'children-of-the-clock-tower',
    venue: 'theatre',
    category: 'MUSICAL',
    title: { ko: '뮤지컬 〈시계탑의 아이들〉', en: 'Children of the Clock Tower' },
    synopsis: {
      ko:
        '하루에 한 번, 정오의 종이 울리는 열두 번 동안만 시간이 멈추는 도시. 시계탑에 숨어 사는 아이들은 그 열두 번 사이에 무엇이든 훔칠 수 ' +
        '있습니다. 단 하나, 잃어버린 이름만 빼고.',
      en:
        'Once a day, for the twelve strokes of noon, time stands still in the city. In ' +
        'those twelve strokes the children hidden in the clock tower can steal anything, ' +
        'except the one thing they want: the names that they have lost.',
    },
    runningTimeMinutes: 160,
    ageLimit: 8,
    refusesStranding: true,
    prices: { VIP: 150_000, R: 120_000, S: 90_000, A: 60_000 },
    opens: { days: 2, hour: 14 },
    run: { fromDay: 42, weekday: 2, days: 27, times: musicalWeek },
  },
  {
    key: 'slow-fireworks',
    venue: 'arena',
    category: 'CONCERT',
    title: { ko: '밤안개클럽 콘서트 〈느린 폭죽〉', en: 'Bamangae Club: Slow Fireworks' },
    synopsis: {
      ko:
        '가장 늦게 터지는 폭죽이 가장 오래 남는다고 믿는 4인조 밴드의 첫 아레나 공연. 기타가 하늘로 올라가 천천히 흩어지는 동안, 스무 해의 노래를 ' +
        '처음부터 다시 부릅니다.',
      en:
        'A band of four who believe that the firework that bursts last stays longest, in ' +
        'an arena for the first time. While the guitars rise and slowly fall apart, they ' +
        'sing twenty years of songs again from the beginning.',
    },
    runningTimeMinutes: 140,
    ageLimit: 8,
    prices: { VIP: 165_000, R: 143_000, S: 132_000, A: 110_000, B: 88_000 },
    opens: { days: 5, hour: 20 },
    run: { fromDay: 45, weekday: 6, days: 2, times: { 6: ['18:00'], 0: ['17:00'] } },
  },
  {
    key: 'what-the-sea-remembers',
    venue: 'media-hall',
    category: 'EXHIBITION',
    title: { ko: '소리 전시 〈바다의 기억〉', en: 'What the Sea Remembers' },
    synopsis: {
      ko: '열 군데 바닷가에서 십 년 동안 모은 소리를 어두운 방에서 듣습니다. 같은 파도는 한 번도 없었습니다. 눈을 감아도 좋은 50분.',
      en:
        'Sounds gathered on ten shores over ten years, heard in a dark room. No wave ever ' +
        'came twice. Fifty minutes for which you may close your eyes.',
    },
    runningTimeMinutes: 50,
    ageLimit: 0,
    ladder: 'consumer-standard',
    prices: { A: 18_000 },
    opens: { days: 9, hour: 11 },
    run: { fromDay: 35, weekday: 2, days: 20, times: exhibitionWeek },
  },
  {
    key: 'four-oclock-detective',
    venue: 'studio',
    category: 'PLAY',
    title: { ko: '연극 〈오후 네 시의 탐정〉', en: 'The Four O’Clock Detective' },
    synopsis: {
      ko:
        '매일 오후 네 시, 다방 창가 자리에 앉는 남자는 한 번도 사건을 맡은 적이 없습니다. 그러던 어느 날 다방에서 네 시가 사라집니다. 그림자가 ' +
        '길어지는 만큼 거짓말도 길어지는 추리극.',
      en:
        'Every day at four a man takes the window seat of a tea room. He has never had a ' +
        'case, until the day on which four o’clock itself disappears. A mystery in which ' +
        'the lies grow as long as the shadows.',
    },
    runningTimeMinutes: 100,
    ageLimit: 14,
    prices: { R: 44_000, S: 33_000 },
    opens: { days: 12, hour: 14 },
    run: { fromDay: 49, weekday: 2, days: 20, times: playWeek },
  },
];
