/**
 * Posters come from organisers and are shown on the ticket office's own pages, so only drawing is
 * allowed: named elements with named attributes, nothing that runs, moves, loads or embeds.
 */
const ELEMENTS = new Set(
  (
    'svg g defs title desc style path rect circle ellipse line polyline polygon text tspan ' +
    'linearGradient radialGradient stop clipPath mask pattern'
  ).split(' '),
);

const ATTRIBUTES = new Set(
  (
    'xmlns version id class style lang role aria-label aria-hidden viewBox preserveAspectRatio ' +
    'width height x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy d points rotate transform href ' +
    'fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-linecap ' +
    'stroke-linejoin stroke-miterlimit stroke-dasharray stroke-dashoffset opacity color ' +
    'display visibility paint-order vector-effect shape-rendering text-rendering offset ' +
    'stop-color stop-opacity gradientUnits gradientTransform spreadMethod clip-path clip-rule ' +
    'clipPathUnits mask maskUnits maskContentUnits patternUnits patternContentUnits ' +
    'patternTransform font-family font-size font-weight font-style font-variant font-stretch ' +
    'text-anchor text-decoration dominant-baseline alignment-baseline baseline-shift ' +
    'letter-spacing word-spacing writing-mode textLength lengthAdjust xml:space xml:lang'
  ).split(' '),
);

/** XML 1.0 allows no control characters but tab and line ends. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/;
const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';
const PART =
  /<!--(?:(?!--)[\s\S])*-->|<\/([\w:-]+)\s*>|<([\w:-]+)((?:[^<>"']|"[^"<]*"|'[^'<]*')*)>|([^<]+)/y;
/** `\\` and `&#` are ways to write the others so that nobody sees them. */
const OUTSIDE =
  /\\|&#|(?:url|image|image-set|cross-fade|src|expression)\s*\(|(?:javascript|data):/i;
const ATTRIBUTE = /\s+([\w:-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/y;

/** Why a text is not a poster that may be shown, each reason once; empty for a good one. */
export function posterFaults(svg: string): string[] {
  const faults = new Set<string>();
  if (!svg.isWellFormed() || UNPRINTABLE.test(svg)) faults.add('has a character that XML forbids');
  const text = svg.trim().replace(/^<\?xml\s[^<>?]*\?>\s*/, '');
  const open: string[] = [];
  let roots = 0;
  let at = 0;
  while (at < text.length) {
    PART.lastIndex = at;
    const part = PART.exec(text);
    if (part === null) {
      faults.add(`cannot be read as SVG from "${text.slice(at, at + 20)}" on`);
      return [...faults];
    }
    const [all, closing, opening, attributes = '', words] = part;
    if (opening !== undefined) {
      if (open.length === 0) roots += opening === 'svg' ? 1 : 2;
      for (const fault of elementFaults(opening, attributes)) faults.add(fault);
      if (!attributes.endsWith('/')) open.push(opening);
    } else if (closing !== undefined && open.pop() !== closing) {
      faults.add(`</${closing}> closes what is not open`);
    } else if (words !== undefined) {
      for (const fault of wordFaults(words, open.at(-1))) faults.add(fault);
    }
    at += all.length;
  }
  if (open.length > 0) faults.add(`<${open.at(-1)}> is not closed`);
  if (roots !== 1) faults.add('must be one svg element');
  return [...faults];
}

function elementFaults(element: string, written: string): string[] {
  if (!ELEMENTS.has(element)) return [`<${element}> is not allowed in a poster`];
  const faults: string[] = [];
  const attributes = written.replace(/\/$/, '');
  let namespace: string | undefined;
  let at = 0;
  while (attributes.slice(at).trim() !== '') {
    ATTRIBUTE.lastIndex = at;
    const match = ATTRIBUTE.exec(attributes);
    if (match === null) return [...faults, `the attributes of <${element}> cannot be read`];
    const [all, name = '', double, single] = match;
    const value = double ?? single ?? '';
    if (name === 'xmlns') namespace = value;
    else if (!ATTRIBUTES.has(name)) faults.push(`attribute ${name} is not allowed in a poster`);
    else if (name === 'href' && !/^#[\w-]+$/.test(value))
      faults.push('href may only name a part of the poster itself');
    else if (leadsOutside(value)) faults.push(`attribute ${name} leads outside of the poster`);
    if (hasBadEntity(value)) faults.push(`attribute ${name} has an unknown entity`);
    at += all.length;
  }
  const isRoot = element === 'svg';
  if ((isRoot || namespace !== undefined) && namespace !== SVG_NAMESPACE)
    faults.push(`<${element}> must have xmlns="${SVG_NAMESPACE}"`);
  return faults;
}

function wordFaults(words: string, element: string | undefined): string[] {
  if (element === undefined) return words.trim() === '' ? [] : ['must be one svg element'];
  const faults: string[] = [];
  if (hasBadEntity(words)) faults.push('the text has an unknown entity');
  if (element === 'style' && (/[@&]/.test(words) || leadsOutside(words)))
    faults.push('<style> leads outside of the poster');
  return faults;
}

/** A reference to anything but a part of the poster itself, or a way to hide one. */
function leadsOutside(value: string): boolean {
  const withoutOwn = value.replace(/url\(\s*#[\w-]+\s*\)/g, '');
  return OUTSIDE.test(withoutOwn);
}

function hasBadEntity(text: string): boolean {
  return /&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[\da-fA-F]{1,6});)/.test(text);
}
