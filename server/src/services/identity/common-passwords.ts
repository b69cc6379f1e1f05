import { commonPasswords } from './limits.ts';

/**
 * Words on which most guessed passwords are built: `charlie123`, `Summer2026!`, `p@ssw0rd1`. In
 * lower case; the Korean ones as they are typed on the other keyboard layout.
 */
const words = `
  password passwort passwd passcode secret letmein welcome hello login admin administrator root
  user guest test tester testing demo default changeme master access system server office school
  work qwerty qwertz azerty asdf asdfgh zxcvbn zxcvbnm qwer qazwsx qweasd qweasdzxc wasd love
  iloveyou loveyou lovely lover forever friend friends family baby babygirl babyboy angel honey
  sweet sweetie princess prince queen king kitty daddy mommy mother father brother sister smile
  happy lucky money cash rich gold golden silver diamond star superstar rockstar sunshine sunny
  rainbow flower butterfly summer winter spring autumn fall january february march april june
  july august september october november december monday tuesday wednesday thursday friday
  saturday sunday dragon tiger lion monkey panda kitten puppy doggy buddy bailey cookie pepper
  ginger peanut chocolate cheese banana orange apple cherry coffee pizza shadow ghost devil
  demon hunter ranger killer soldier warrior ninja samurai wizard magic mystic phoenix falcon
  eagle raven wolf bear shark snake football soccer baseball basketball hockey tennis golf
  golfer runner racing racer boxing champion liverpool arsenal chelsea manchester united
  barcelona realmadrid juventus bayern tottenham yankees cowboys lakers steelers patriots eagles
  batman superman spiderman ironman captain marvel avengers starwars startrek matrix pokemon
  pikachu naruto minecraft fortnite roblox league legends zelda mario sonic diablo warcraft
  michael jennifer jessica ashley daniel andrew joshua matthew anthony thomas robert william
  joseph charles charlie christopher david james john richard steven george jordan justin
  brandon tyler austin dakota hannah nicole michelle amanda melissa stephanie samantha elizabeth
  victoria alexander alexandra natalie sophie sophia olivia emma isabella chloe lauren taylor
  morgan maggie molly oliver harley max rocky jake jack harry potter snoopy barney tigger winnie
  garfield mickey donald america american london england canada india china russia germany
  france italia brasil mexico korea seoul busan incheon daegu jeju tokyo japan paris newyork
  texas california chicago boston google facebook instagram twitter youtube amazon samsung
  galaxy iphone apple microsoft windows linux ubuntu naver kakao kakaotalk daum internet
  computer laptop mobile phone number mustang ferrari porsche mercedes bmw honda toyota hyundai
  harleydavidson corvette yamaha metallica nirvana slipknot eminem beatles blackpink twice
  bangtan bts army exo seventeen newjeans music guitar piano singer dance dancer party ticket
  ticketing concert musical theatre theater whatever nothing freedom peace jesus christ heaven
  blessed faith church spirit trustno dkssud dkssudgktpdy tkfkd tkfkdgo tkfkdgody qlalfqjsgh
  qlqjs dkagh eogksalsrnr gksrnr dnflrkwhr rkskek akstp ghkdlxld ehehejdj dbwls alswl wldms wltn
  tnqls dptks cjstk clsrn rkwhr goqls
`;

/** How people replace letters. */
const lookAlikes: Readonly<Record<string, string>> = {
  '@': 'a',
  '4': 'a',
  '3': 'e',
  '1': 'i',
  '!': 'i',
  '0': 'o',
  '5': 's',
  $: 's',
  '7': 't',
};
/** Digits and signs before and after the word; with more of them it is no longer a common one. */
const affixesMax = 6;

const findCore = (folded: string): string => {
  const core = folded.replace(/^[^\p{L}]+/u, '').replace(/[^\p{L}]+$/u, '');
  return folded.length - core.length > affixesMax ? '' : core;
};
const readLookAlikes = (text: string): string =>
  text.replaceAll(/[@431!05$7]/g, (sign) => lookAlikes[sign] ?? sign);

const commonWords: ReadonlySet<string> = new Set(words.toLowerCase().trim().split(/\s+/));

/** Keys in the order in which a finger or a child goes over them. */
const rows = ['01234567890123456789', 'abcdefghijklmnopqrstuvwxyz', 'qwertyuiop', 'asdfghjkl'];
const runs = rows.flatMap((row) => [row, [...row].reverse().join('')]);

/** `abcabcabc`, `11111111`, eight spaces: one short piece again and again. */
const isRepeated = (folded: string): boolean => /^(.{1,4})\1+$/su.test(folded);
/** `19980517`, and a Korean mobile number. */
const isDateOrPhone = (folded: string): boolean =>
  /^(?:19|20)\d\d[01]\d[0-3]\d$/.test(folded) || /^01[016-9]-?\d{3,4}-?\d{4}$/.test(folded);

/** Whether a password is one of those that are tried first when guessing, or the e-mail itself. */
export const isTooCommon = (password: string, email: string): boolean => {
  const folded = password.normalize('NFC').toLowerCase();
  if (commonPasswords.has(folded) || folded === email || folded === email.split('@')[0])
    return true;
  const core = findCore(folded);
  return (
    commonWords.has(core) ||
    commonWords.has(readLookAlikes(core)) ||
    isRepeated(folded) ||
    isDateOrPhone(folded) ||
    runs.some((run) => run.includes(folded))
  );
};
