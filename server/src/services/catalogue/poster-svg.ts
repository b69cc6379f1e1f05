// saxes parses XML strictly by the standard, as browsers do (jsdom is built on it): what it reads
// as text or as an attribute, no browser reads as something else. It is finished, not abandoned: no
// release since 2022, no open advisory.
import { SaxesParser } from 'saxes';

/**
 * Posters come from organisers and are shown on the ticket office's own pages, so only drawing is
 * allowed: named elements with named attributes, nothing that runs, moves, loads or embeds.
 * Anything not on these lists is refused, whatever it does.
 */
const allowedElements = new Set(
  (
    'svg g defs title desc style path rect circle ellipse line polyline polygon text tspan ' +
    'linearGradient radialGradient stop clipPath mask pattern'
  ).split(' '),
);

const allowedAttributes = new Set(
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

const svgNamespace = 'http://www.w3.org/2000/svg';
/**
 * Drawing programs nest groups about ten deep. Recursive renderers must not run out of stack, and
 * saxes looks for a namespace in all elements above: 20,000 levels took it 3 s.
 */
const depthMax = 50;
const ownPart = /url\(\s*#[\w-]+\s*\)/g;
/** What refers outside of a drawing in CSS. A backslash could hide the others. */
const outsidePattern =
  /\\|(?:url|image|image-set|cross-fade|src|expression)\s*\(|(?:javascript|data):/i;

/**
 * Why a text is not an allowed poster: each reason once, in words for the organiser; empty if it is
 * allowed. Reading stops where the text is not XML, or is nested too deep.
 */
export const findPosterFaults = (svg: string): string[] => {
  // Half a surrogate pair is no character, and would become another text when sent as UTF-8.
  if (!svg.isWellFormed()) return ['has a character that XML forbids'];
  const faults = new Set<string>();
  const parser = openParser((fault) => faults.add(fault));
  try {
    parser.write(svg).close();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    faults.add(error.message);
  }
  return [...faults];
};

/** Stops the parsing: after its first error a parser only guesses. */
class Unreadable extends Error {}

const openParser = (say: (fault: string) => void) => {
  const parser = new SaxesParser({ xmlns: true });
  const open: string[] = [];
  // All of a <style> is one text to CSS, even if a comment splits it.
  let styleText = '';

  parser.on('error', ({ message }) => {
    throw new Unreadable(`cannot be read as XML: ${message}`);
  });
  parser.on('xmldecl', ({ version, encoding = 'UTF-8' }) => {
    // A browser would believe it, and read other characters than we do.
    if (version !== '1.0' || encoding.toUpperCase() !== 'UTF-8')
      say('must be XML 1.0 in UTF-8, and say so or nothing');
  });
  parser.on('doctype', () => say('must not declare a document type'));
  parser.on('processinginstruction', ({ target }) => say(`<?${target}?> is not allowed`));
  parser.on('comment', (text) => {
    // HTML ends such a comment at once, in case a page ever embeds a poster inline.
    if (/^-?>/.test(text)) say('a comment must not begin with >');
  });
  parser.on('cdata', () => say('<![CDATA[ ]]> is not allowed in a poster'));
  parser.on('opentagstart', ({ name }) => {
    if (open.length === 0 && name !== 'svg') say('must be one svg element');
    if (!allowedElements.has(name)) say(`<${name}> is not allowed in a poster`);
    if (open.at(-1) === 'style') say('<style> may hold only text');
    open.push(name);
    if (open.length > depthMax)
      throw new Unreadable(`is nested more than ${depthMax} elements deep`);
  });
  parser.on('attribute', ({ name, value }) => {
    if (allowedElements.has(open.at(-1) ?? ''))
      for (const fault of attributeFaults(name, value)) say(fault);
  });
  parser.on('opentag', ({ name, uri }) => {
    if (allowedElements.has(name) && uri !== svgNamespace)
      say(`<${name}> must have xmlns="${svgNamespace}"`);
  });
  parser.on('text', (text) => {
    if (open.at(-1) === 'style') styleText += text;
  });
  parser.on('closetag', ({ name }) => {
    open.pop();
    if (name !== 'style') return;
    if (styleText.includes('@') || leadsOutside(styleText))
      say('<style> leads outside of the poster');
    styleText = '';
  });
  return parser;
};

/** `value` as the parser gives it: with its entities resolved, as a browser would read it. */
const attributeFaults = (name: string, value: string): string[] => {
  if (!allowedAttributes.has(name)) return [`attribute ${name} is not allowed in a poster`];
  // The element check validates its namespace; the address of SVG's namespace is only a name.
  if (name === 'xmlns') return [];
  if (name === 'href')
    return /^#[\w-]+$/.test(value) ? [] : ['href may only name a part of the poster itself'];
  return leadsOutside(value) ? [`attribute ${name} leads outside of the poster`] : [];
};

/** A reference to anything but a part of the poster itself, or a way to hide one. */
const leadsOutside = (value: string): boolean => {
  return outsidePattern.test(value.replace(ownPart, ''));
};
