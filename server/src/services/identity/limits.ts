import { availableParallelism } from 'node:os';

/** OWASP's minimum for argon2id: 19 MiB, 2 passes, 1 lane; 20 to 40 ms of a core. */
export const passwordCost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 };

/** More than there are cores gains nothing; one of Node's 4 threads is left for files and DNS. */
export const hashesAtOnce = Math.min(availableParallelism(), 3);
/** In each line. On 2 cores the last waits about 6 s; then the address with the most gives way. */
export const hashesWaitingMax = 400;
/** While log-ins wait, one hash in four is for a new password: sign-ups are slow but go on. */
export const newPasswordEvery = 4;

/** How long a used refresh token is still accepted: two tabs, or a lost response. */
export const refreshGraceMs = 10_000;
/** Each refresh lengthens a session, but never beyond this; then the password is asked again. */
export const sessionLifeMaxMs = 90 * 24 * 3_600_000;

/** The longest ACCESS_TOKEN_TTL_MS that the configuration allows. */
export const accessTokenTtlMaxMs = 3_600_000;
/** Verified access tokens that one process remembers; each takes about 0.5 kB. */
export const accessTokensMax = 20_000;
/** Processes are notified of ended sessions at once; missed ones are reloaded this often. */
export const endedSessionsReadEveryMs = 5000;
/** Clock differences between processes and slow commits add up to less than this. */
export const endedSessionsOverlapMs = 60_000;

/** The first wrong passwords cause no pause: people mistype. Then 1 s, doubled each time. */
export const logInFreeTries = 3;
/** The longest pause, for one e-mail from one address. */
export const logInPauseMaxMs = 60_000;
/** Wrong passwords are forgotten after this time without another one. */
export const logInForgetMs = 15 * 60_000;
/** Wrong passwords for one e-mail from all addresses: an owner who mistypes, on a few devices. */
export const logInWrongByEmail = { perMinute: 2, burst: 20 };
/** Wrong passwords from one address: a house of thousands behind it mistypes this often. */
export const logInWrongByAddress = { perMinute: 10, burst: 60 };
/**
 * The work, in hashes, that replaces a pause. A browser computes 3.4 M a second on a core here: the
 * first one takes a blink, the last one 2 s; a phone needs about five times as long.
 */
export const logInWorkMin = 100_000;
export const logInWorkMax = 6_400_000;

/** Sign-ups that cost no work: a group at one address, and a rush in this process. */
export const signUpFreeByAddress = { perMinute: 30, burst: 60 };
export const signUpFree = { perMinute: 600, burst: 300 };
/** The work, in hashes, of the first sign-up that is not free; doubled with each further burst. */
export const signUpWorkMin = 100_000;
export const signUpWorkMax = 6_400_000;

/** E-mails, addresses and pairs that each count remembers; 100,000 take about 10 MB. */
export const debtorsMax = 100_000;
/** However much somebody did, it is forgotten after this time. */
export const debtMaxMs = 60 * 60_000;

/** How long a mailed code is good: long enough for a slow mail server. */
export const codeTtlMs = 60 * 60_000;
/**
 * Codes for one purpose of an account: one a half minute, five an hour. A stranger who asks for
 * them all cannot lock the owner out: the owner got them, and each is good for the whole hour.
 */
export const codesPauseMs = 30_000;
export const codesMax = 5;
export const codesWithinMs = codeTtlMs;
/** Codes that ended are deleted after this. */
export const codeKeptMs = 24 * 3_600_000;

/** How long a browser is recognised: browsers keep no cookie for longer than 400 days. */
export const knownBrowserS = 400 * 24 * 3600;

/**
 * An expired session is kept this long, so that a late token is distinguished from a forged one.
 */
export const sessionKeptMs = 24 * 3_600_000;

/**
 * Passwords of 8 characters or more that attackers try first, in lower case. The Korean ones are
 * words typed on the other keyboard layout: `dkssudgktpdy` is 안녕하세요.
 */
export const commonPasswords: ReadonlySet<string> = new Set(
  `
  12345678 123456789 1234567890 12345678910 123456789a 1234567a 12345678a 123456789q 1234567q
  12345qwert 123123123 1231231234 123321123 1234512345 123454321 1234554321 12341234 1234432112
  12344321 123412341234 123456123456 123456654321 1234567654321 12131415 112233445566 11223344
  1122334455 111222333 11112222 11111111 111111111 1111111111 00000000 000000000 0000000000
  01234567 0123456789 0987654321 09876543 9876543210 987654321 87654321 876543210 22222222
  33333333 44444444 55555555 66666666 77777777 88888888 99999999 999999999 12121212 13131313
  10101010 69696969 77777778 147258369 159357258 159753456 147852369 789456123 741852963
  963852741 321654987 14789632 19841984 19871987 19881988 19901990 19951995 20002000 20202020
  20242024 20252025 31415926 314159265 98765432 password password1 password12 password123
  password1234 password! password1! passw0rd p@ssw0rd p@ssword pa$$word pa55word passwort
  passport passwords mypassword thepassword password0 password2 newpassword changeme changeit
  letmein1 letmein123 welcome1 welcome12 welcome123 welcome! admin123 admin1234 admin12345
  administrator adminadmin rootroot root1234 testtest test1234 test12345 testing1 testing123
  tester12 guest123 guest1234 demo1234 user1234 default1 secret123 temp1234 temppass qwertyui
  qwertyuiop qwerty12 qwerty123 qwerty1234 qwerty12345 qwer1234 qwer12345 qwer1234! qwerqwer
  qweasdzxc qweasd123 qweqweqwe qwertyqwerty q1w2e3r4 q1w2e3r4t5 q1w2e3r4t5y6 1q2w3e4r 1q2w3e4r!
  1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx 1qaz2wsx3edc 1qazxsw2 qazwsxedc qazwsx123 zaq12wsx zaq1xsw2
  !qaz2wsx zxcvbnm1 zxcvbnm123 zxcvbnm, zxcvzxcv asdfghjk asdfghjkl asdfasdf asdf1234 asdfqwer
  asdfzxcv asd123asd qwaszx12 a1234567 a12345678 a123456789 aa123456 aa12345678 ab123456 abc12345
  abc123456 abcd1234 abcd12345 abcd1234! abcdefgh abcdefghi abcde12345 abcabcabc a1b2c3d4
  a1s2d3f4 aaaaaaaa aaaaaaaaa zzzzzzzz xxxxxxxx 1a2b3c4d 123qweasd 123qwe123 123456qwerty
  123abc456 1234abcd 1234qwer 1234qwer! 12qwaszx 12345abc 1111aaaa iloveyou iloveyou1 iloveyou2
  iloveyou! iloveu123 ilovegod loveyou1 lovelove loveme123 princess princess1 sunshine sunshine1
  football football1 baseball baseball1 basketball superman superman1 batman123 spiderman
  pokemon1 starwars starwars1 computer internet whatever trustno1 michelle jennifer danielle
  jessica1 charlie1 jordan23 michael1 liverpool chelsea1 arsenal1 manchester realmadrid barcelona
  butterfly chocolate dragon123 monkey123 shadow123 master123 mustang1 samantha victoria
  alexander elizabeth hello123 hello1234 hellohello helloworld goodluck blink182 freedom1
  facebook facebook1 google123 samsung1 samsung123 apple123 naver123 naver1234 kakao123 korea123
  korea1234 seoul1234 seoul2024 ticket123 ticket1234 ticketing concert1 musical1 bts12345
  btsarmy1 bangtan7 dkssudgktpdy dkssudgktpdy1 dkssud123 dkssud1234 dkssudgktp dkssudgktlqslrk
  tkfkdgo1 tkfkdgo12 tkfkdgo123 tkfkdgo1004 tkfkdgo486 tkfkdgody tkfkdgody1 tkfkdgkqslek
  cjstk1004 1004cjstk qlalfqjsgh qlalfqjsgh1 qlalfqjsgh12 qlalfqjsgh123 qlalfqjsgh1! qlqjs1234
  dkagh1234 dkagh123 eogksalsrnr eogksalsrnr1 gksrnrtkfka godqhrgktpdy godqhrgkwk dnflrkwhr
  dnflrkwhr1 djaakdkqk tjstodsla1 rhdiddl1 rkddkwl1 ghfkddl1 gksksla1 gkskslatkfkd dptnsla1
  dptntkfkd dptnslatkfkd ghkdlxld1 ghkdlxld123 rhksflwk1 rhksflwk123 rhksflwk1234 xptmxm12
  xptmxm123 zjavbxj1 zjavbxj123 rkatkgkqslek rhakqtmqslek qkqhqkqh sksmsqkqh clsrntkfkd sotkfkd1
  sotkfkd12 dkdldb123 qkdxksthsuseks abwlzjf1 zhstjxm1 angel1004 1004angel love1004 비밀번호1234
  비밀번호12345 사랑해사랑해사랑해
  `
    .trim()
    .split(/\s+/),
);
