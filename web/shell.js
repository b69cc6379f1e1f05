// Shared by all pages: the reader's language, texts and numbers in it, and calls to the API.

const languages = ['ko', 'en'];

/** A browser may forbid storage; then the choice lasts only as long as the page. */
function stored(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    // Storage is forbidden by the browser: the same as nothing stored.
    return null;
  }
}

function store(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage is forbidden by the browser: the choice is not remembered.
  }
}

const preferred = () => (navigator.language.toLowerCase().startsWith('ko') ? 'ko' : 'en');
let language = languages.find((each) => each === stored('usher.language')) ?? preferred();
let renderPage = () => undefined;
let pageTitle = { ko: 'Usher', en: 'Usher' };

function applyLanguage() {
  document.documentElement.lang = language;
  document.title = pageTitle[language];
  for (const button of document.querySelectorAll('.languages button'))
    button.setAttribute('aria-pressed', String(button.lang === language));
  renderPage();
}

/**
 * Shows the page in the reader's language. `render` draws what is not in the HTML; it runs again
 * whenever the language changes.
 */
export function startPage(title, render) {
  pageTitle = title;
  renderPage = render;
  for (const button of document.querySelectorAll('.languages button')) {
    button.addEventListener('click', () => {
      language = button.lang;
      store('usher.language', language);
      applyLanguage();
    });
  }
  applyLanguage();
}

/** The text in the reader's language. */
export const say = (text) => text[language];

export const won = ({ amount }) =>
  language === 'ko' ? `${amount.toLocaleString('ko-KR')}원` : `₩${amount.toLocaleString('en-US')}`;

const locales = { ko: 'ko-KR', en: 'en-GB' };
const formatIn = (options) => new Intl.DateTimeFormat(locales[language], options);

/** A date without time, in the given time zone. */
export const day = (instant, timeZone) =>
  formatIn({ month: 'short', day: 'numeric', weekday: 'short', timeZone }).format(
    new Date(instant),
  );

/** Date and time, in the given time zone; default: the reader's. */
export const dayAndTime = (instant, timeZone) =>
  formatIn({
    year: 'numeric',
    month: 'long',
    day: 'numeric',
    weekday: language === 'ko' ? 'long' : 'short',
    hour: 'numeric',
    minute: '2-digit',
    hour12: language === 'ko',
    ...(timeZone === undefined ? {} : { timeZone }),
  }).format(new Date(instant));

/** Such as GMT+9; default: the reader's time zone. */
export const zoneName = (instant, timeZone) =>
  formatIn({ timeZoneName: 'shortOffset', ...(timeZone === undefined ? {} : { timeZone }) })
    .formatToParts(new Date(instant))
    .find(({ type }) => type === 'timeZoneName')?.value ?? '';

/** Date, time and the name of their time zone. */
export const dayTimeAndZone = (instant, timeZone) =>
  `${dayAndTime(instant, timeZone)} (${zoneName(instant, timeZone)})`;

/** Makes an element; text never becomes markup. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** How far the server's clock is ahead of this device's; its Date header has whole seconds. */
let aheadMs = 0;
export const serverNowMs = () => Date.now() + aheadMs;

/**
 * One call to the API. `kind`: `done` with the body, `refused` with the problem document, or
 * `silent` if there was no readable response.
 */
export async function call(path, options = {}) {
  try {
    const response = await fetch(path, { ...options, cache: 'no-store' });
    const date = Date.parse(response.headers.get('date') ?? '');
    if (!Number.isNaN(date)) aheadMs = date + 500 - Date.now();
    const body = await response.json();
    return { kind: response.ok ? 'done' : 'refused', status: response.status, body };
  } catch {
    // No connection, or a response from something between us and the server: the caller reports it.
    return { kind: 'silent' };
  }
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
