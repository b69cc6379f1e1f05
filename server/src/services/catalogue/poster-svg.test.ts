import { describe, expect, test } from 'vitest';
import { findPosterFaults } from './poster-svg.ts';

const svg = (inside: string, attributes = '') =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 10 10"${attributes}>${inside}</svg>`;

describe('a poster may', () => {
  test.each([
    [
      'draw shapes, texts and gradients',
      `<defs><linearGradient id="a"><stop offset="0"/></linearGradient>
      <radialGradient id="b" href="#a"/></defs><rect fill="url(#a)" width='3'/>
      <text>밤 &amp; &#9733;</text>`,
    ],
    [
      'style them',
      '<style>.a { fill: url( #g ); font: 700 3px sans-serif }</style><path d="M0 0"/>',
    ],
    [
      'say image, url or source in words',
      '<title>the image of a curl</title><g aria-label="an image: url"/>',
    ],
    ['hold comments', '<!-- made by hand --><g/>'],
    ['write letters as entities', '<text x="&#49;">&#x2605; &quot;&apos;&lt;&gt;</text>'],
    ['name the language and keep spaces', '<text xml:lang="ko" xml:space="preserve"> 밤 </text>'],
    ['be nested 50 deep', `${'<g>'.repeat(49)}${'</g>'.repeat(49)}`],
  ])('%s', (_, inside) => {
    expect(findPosterFaults(svg(inside))).toEqual([]);
  });
  test('begin with an XML declaration and a comment', () => {
    expect(
      findPosterFaults(`<?xml version="1.0" encoding="UTF-8"?>\n<!-- x -->\n${svg('')}\n`),
    ).toEqual([]);
  });
  test('begin with a byte order mark', () => {
    expect(findPosterFaults(`\uFEFF${svg('')}`)).toEqual([]);
  });
  test('be drawn by one path of 60 kB', () => {
    expect(findPosterFaults(svg(`<path d="${'M1 1 '.repeat(12_000)}"/>`))).toEqual([]);
  });
});

describe('a poster may not', () => {
  test.each([
    ['run a script', '<script>alert(1)</script>'],
    ['run a script under another prefix', '<svg:script xmlns:svg="http://www.w3.org/2000/svg"/>'],
    ['run a script in capitals', '<SCRIPT/>'],
    ['react to events', '<rect onclick="alert(1)"/>'],
    ['react to its loading', '', ' onload="alert(1)"'],
    ['embed foreign content', '<foreignObject><p/></foreignObject>'],
    ['embed pages', '<iframe src="https://example.com"/>'],
    ['show pictures from elsewhere', '<image href="https://example.com/a.png"/>'],
    ['link away', '<a href="https://example.com"><rect/></a>'],
    ['use parts of other files', '<use href="https://example.com/a.svg#a"/>'],
    ['move', '<animate attributeName="href" to="javascript:alert(1)"/>'],
    ['fill from elsewhere', '<rect fill="url(https://example.com/a.svg#a)"/>'],
    ['fill from elsewhere in hidden letters', '<rect fill="\\75rl(https://example.com)"/>'],
    ['fill from elsewhere by entities', '<rect fill="&#117;rl(https://example.com)"/>'],
    ['point a gradient elsewhere', '<linearGradient href="https://example.com/#a"/>'],
    ['point a gradient at a script', '<linearGradient href="javascript:alert(1)"/>'],
    ['import styles', '<style>@import "https://example.com/a.css";</style>'],
    ['load in styles', '<style>rect { fill: url("//example.com/a") }</style>'],
    ['load in a style attribute', '<rect style="background: image-set(url(//example.com))"/>'],
    ['hide letters in styles', '<style>rect { fill: u\\72l(//example.com) }</style>'],
    ['use entities that it would have to declare', '<text>&xxe;</text>'],
    ['change the namespace', '<g xmlns="http://www.w3.org/1999/xhtml"/>'],
    ['leave an element open', '<g>'],
    ['close what is not open', '</g><g>'],
    ['write an attribute without quotes', '<rect width=3/>'],
    ['hide markup as character data', '<![CDATA[<script/>]]>'],
    ['hold control characters', '<text>\u0000</text>'],
    ['hold control characters as entities', '<text>&#1;</text>'],
    ['hold half a character', '<text>\uD83C</text>'],
    ['hold what is no character', '<text>\uFFFE</text>'],
    ['use a name of JavaScript as an entity', '<text>&constructor;&__proto__;&toString;</text>'],
    ['use the entities of HTML', '<text>&nbsp;</text>'],
    ['leave an ampersand open', '<text>a & b</text>'],
    ['run a script with a handler in entities', '<rect on&#99;lick="alert(1)"/>'],
    ['react to events in capitals', '<rect onClick="alert(1)"/>'],
    ['react to events over lines', '<rect\n\tonclick\n=\n"alert(1)"/>'],
    ['react to the start of an animation', '<set onbegin="alert(1)"/>'],
    ['change a link later', '<set attributeName="href" to="javascript:alert(1)"/>'],
    ['move along', '<animateMotion path="M0 0"/>'],
    ['turn', '<animateTransform attributeName="transform"/>'],
    [
      'embed a page of HTML',
      '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>',
    ],
    ['hold HTML', '<img xmlns="http://www.w3.org/1999/xhtml" src="x"/>'],
    ['hold HTML below a name of SVG', '<style xmlns="http://www.w3.org/1999/xhtml">a</style>'],
    ['hold HTML under a prefix', '<h:img xmlns:h="http://www.w3.org/1999/xhtml" src="x"/>'],
    ['draw under a prefix', '<s:rect xmlns:s="http://www.w3.org/2000/svg"/>'],
    ['use a prefix that is not declared', '<x:rect/>'],
    ['take the prefix of XML away', '<g xmlns:xml="http://example.com"/>'],
    ['name another base', '<g xml:base="https://example.com/"><rect fill="url(#a)"/></g>'],
    [
      'link by XLink',
      '<linearGradient xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#a"/>',
    ],
    ['point at a script in parts', '<linearGradient href="java&#10;script:alert(1)"/>'],
    ['point at data', '<linearGradient href="data:image/svg+xml,x#a"/>'],
    ['point nowhere', '<linearGradient href=""/>'],
    ['write an attribute twice', '<rect width="1" width="2"/>'],
    ['filter', '<filter id="a"><feImage href="https://example.com"/></filter>'],
    ['mark with pictures', '<rect marker-start="url(https://example.com/#a)"/>'],
    ['fill from elsewhere with blanks', '<rect fill="url( https://example.com/a.svg#a )"/>'],
    ['fill from elsewhere beside its own', '<rect fill="url(#a) url(//example.com)"/>'],
    ['fill from elsewhere in quotes', `<rect fill="url('https://example.com')"/>`],
    ['fill from elsewhere in capitals', '<rect fill="URL(//example.com)"/>'],
    ['clip by elsewhere', '<g clip-path="url(//example.com/a.svg#a)"/>'],
    ['mask by elsewhere', '<g mask="url(//example.com/a.svg#a)"/>'],
    ['load in styles by entities', '<style>rect { fill: &#117;rl(//example.com) }</style>'],
    ['load in styles over a comment', '<style>rect { fill: u<!-- -->rl(//example.com) }</style>'],
    ['load in styles over a part', '<style>rect { fill: u<g/>rl(//example.com) }</style>'],
    ['load in styles over character data', '<style>u<![CDATA[rl(//example.com)]]></style>'],
    ['import styles by entities', '<style>&#64;import "//example.com/a.css";</style>'],
    ['load fonts', '<style>@font-face { font-family: a; src: url(//example.com) }</style>'],
    ['keep an address for later', '<rect style="--a: url(//example.com); fill: var(--a)"/>'],
    ['be nested 51 deep', `${'<g>'.repeat(50)}${'</g>'.repeat(50)}`],
    ['be nested 10,000 deep', '<g>'.repeat(10_000)],
    ['carry instructions inside', '<?php echo 1 ?>'],
    ['hold a comment that XML forbids', '<!-- a -- b -->'],
    ['end a comment in a way of HTML', '<!--><script>alert(1)</script>-->'],
  ])('%s', (_, inside, attributes = '') => {
    expect(findPosterFaults(svg(inside, attributes))).not.toEqual([]);
  });
  test.each([
    ['be empty', ''],
    ['be a page', '<html><body/></html>'],
    ['be two pictures', svg('') + svg('')],
    ['be followed by text', `${svg('')}text`],
    ['lack its namespace', '<svg viewBox="0 0 1 1"/>'],
    ['declare a type with entities', `<!DOCTYPE svg [<!ENTITY a "b">]>${svg('')}`],
    [
      'declare entities that grow',
      `<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>${svg('<text>&b;</text>')}`,
    ],
    [
      'declare entities from a file',
      `<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>${svg('<text>&a;</text>')}`,
    ],
    ['declare a type of elsewhere', `<!DOCTYPE svg SYSTEM "https://example.com/a.dtd">${svg('')}`],
    ['declare a type without entities', `<!DOCTYPE svg>${svg('')}`],
    ['be written in other letters', `<?xml version="1.0" encoding="ISO-2022-JP"?>${svg('')}`],
    ['be written in UTF-16', `<?xml version="1.0" encoding="UTF-16"?>${svg('')}`],
    ['be of another XML', `<?xml version="1.1"?>${svg('')}`],
    ['declare XML late', ` <?xml version="1.0"?>${svg('')}`],
    ['declare XML twice', `<?xml version="1.0"?><?xml version="1.0"?>${svg('')}`],
    ['be a script', '<script xmlns="http://www.w3.org/2000/svg"/>'],
    ['be a part of a picture', '<g xmlns="http://www.w3.org/2000/svg"/>'],
    ['be only a comment', '<!-- -->'],
    ['hold a picture in a page', `<html xmlns="http://www.w3.org/1999/xhtml">${svg('')}</html>`],
    ['carry instructions', `<?xml-stylesheet href="https://example.com/a.css"?>${svg('')}`],
    ['end within a tag', svg('').slice(0, -3)],
  ])('%s', (_, text) => {
    expect(findPosterFaults(text)).not.toEqual([]);
  });
  test('and every reason is told once', () => {
    expect(findPosterFaults(svg('<script/><script/><rect onclick=""/>'))).toEqual([
      '<script> is not allowed in a poster',
      'attribute onclick is not allowed in a poster',
    ]);
  });
});

describe('reading a poster', () => {
  test('goes on to the end of the allowed, and stops where it is no longer XML', () => {
    expect(findPosterFaults(svg('<script/><g><rect onclick=""/>'))).toEqual([
      '<script> is not allowed in a poster',
      'attribute onclick is not allowed in a poster',
      expect.stringMatching(/^cannot be read as XML: 1:\d+: /),
    ]);
  });

  test('takes in stride what is made to be slow', () => {
    const hard = [
      '<g>'.repeat(21_000),
      svg(`<style>url${' '.repeat(60_000)}(</style>`),
      '<'.repeat(64_000),
      '&'.repeat(64_000),
      svg(`<g ${Array.from({ length: 5000 }, (_, i) => `a${i}="b"`).join(' ')}/>`),
      svg(`<rect fill="${'url('.repeat(16_000)}"/>`),
      svg(`<style>${'url(#a'.repeat(10_000)}</style>`),
      svg(`<!--${'-'.repeat(60_000)}`),
      svg(`<rect style="${'url( '.repeat(12_000)}"/>`),
    ];
    expect(findPosterFaults(svg('<g>'.repeat(21_000)))).toEqual([
      'is nested more than 50 elements deep',
    ]);
    for (const text of hard) expect(findPosterFaults(text)).not.toHaveLength(0);
    expect(
      findPosterFaults(svg(`<text x="${'1 '.repeat(30_000)}">${'밤'.repeat(9000)}</text>`)),
    ).toEqual([]);
  });
});
