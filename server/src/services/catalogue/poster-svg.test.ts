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
      'style shapes',
      '<style>.a { fill: url( #g ); font: 700 3px sans-serif }</style><path d="M0 0"/>',
    ],
    [
      'contain the words image, url or source in texts',
      '<title>the image of a curl</title><g aria-label="an image: url"/>',
    ],
    ['contain comments', '<!-- made by hand --><g/>'],
    ['write characters as entities', '<text x="&#49;">&#x2605; &quot;&apos;&lt;&gt;</text>'],
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
    ['load external images', '<image href="https://example.com/a.png"/>'],
    ['link away', '<a href="https://example.com"><rect/></a>'],
    ['use parts of other files by reference', '<use href="https://example.com/a.svg#a"/>'],
    ['be animated', '<animate attributeName="href" to="javascript:alert(1)"/>'],
    ['fill from an external file', '<rect fill="url(https://example.com/a.svg#a)"/>'],
    ['fill from an external file with CSS escapes', '<rect fill="\\75rl(https://example.com)"/>'],
    ['fill from an external file with entities', '<rect fill="&#117;rl(https://example.com)"/>'],
    ['point a gradient to an external file', '<linearGradient href="https://example.com/#a"/>'],
    ['point a gradient to a script', '<linearGradient href="javascript:alert(1)"/>'],
    ['import styles', '<style>@import "https://example.com/a.css";</style>'],
    ['load files in a style element', '<style>rect { fill: url("//example.com/a") }</style>'],
    [
      'load files in a style attribute',
      '<rect style="background: image-set(url(//example.com))"/>',
    ],
    ['escape letters in styles', '<style>rect { fill: u\\72l(//example.com) }</style>'],
    ['use undeclared entities', '<text>&xxe;</text>'],
    ['change the namespace', '<g xmlns="http://www.w3.org/1999/xhtml"/>'],
    ['leave an element open', '<g>'],
    ['close an element that is not open', '</g><g>'],
    ['write an attribute without quotes', '<rect width=3/>'],
    ['hide markup as character data', '<![CDATA[<script/>]]>'],
    ['contain control characters', '<text>\u0000</text>'],
    ['contain control characters as entities', '<text>&#1;</text>'],
    ['contain half a surrogate pair', '<text>\uD83C</text>'],
    ['contain a code point that is no character', '<text>\uFFFE</text>'],
    [
      'use the name of a JavaScript property as an entity',
      '<text>&constructor;&__proto__;&toString;</text>',
    ],
    ['use the entities of HTML', '<text>&nbsp;</text>'],
    ['contain a bare ampersand', '<text>a & b</text>'],
    ['run a script in a handler written with entities', '<rect on&#99;lick="alert(1)"/>'],
    ['react to events in capitals', '<rect onClick="alert(1)"/>'],
    ['react to events with an attribute over several lines', '<rect\n\tonclick\n=\n"alert(1)"/>'],
    ['react to the start of an animation', '<set onbegin="alert(1)"/>'],
    ['change a link later', '<set attributeName="href" to="javascript:alert(1)"/>'],
    ['be animated along a path', '<animateMotion path="M0 0"/>'],
    ['turn', '<animateTransform attributeName="transform"/>'],
    [
      'embed a page of HTML',
      '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"/></foreignObject>',
    ],
    ['contain HTML', '<img xmlns="http://www.w3.org/1999/xhtml" src="x"/>'],
    [
      'contain HTML in an element named like one of SVG',
      '<style xmlns="http://www.w3.org/1999/xhtml">a</style>',
    ],
    ['contain HTML under a prefix', '<h:img xmlns:h="http://www.w3.org/1999/xhtml" src="x"/>'],
    ['use a prefix for SVG', '<s:rect xmlns:s="http://www.w3.org/2000/svg"/>'],
    ['use a prefix that is not declared', '<x:rect/>'],
    ['redefine the xml prefix', '<g xmlns:xml="http://example.com"/>'],
    ['set another base address', '<g xml:base="https://example.com/"><rect fill="url(#a)"/></g>'],
    [
      'link by XLink',
      '<linearGradient xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="#a"/>',
    ],
    ['link to a script split by a line break', '<linearGradient href="java&#10;script:alert(1)"/>'],
    ['link to a data URL', '<linearGradient href="data:image/svg+xml,x#a"/>'],
    ['point nowhere', '<linearGradient href=""/>'],
    ['write an attribute twice', '<rect width="1" width="2"/>'],
    ['use filters', '<filter id="a"><feImage href="https://example.com"/></filter>'],
    ['use external markers', '<rect marker-start="url(https://example.com/#a)"/>'],
    ['fill from an external file with blanks', '<rect fill="url( https://example.com/a.svg#a )"/>'],
    ['fill from an external file after a local one', '<rect fill="url(#a) url(//example.com)"/>'],
    ['fill from an external file in quotes', `<rect fill="url('https://example.com')"/>`],
    ['fill from an external file in capitals', '<rect fill="URL(//example.com)"/>'],
    ['clip by an external file', '<g clip-path="url(//example.com/a.svg#a)"/>'],
    ['mask by an external file', '<g mask="url(//example.com/a.svg#a)"/>'],
    ['load files in styles with entities', '<style>rect { fill: &#117;rl(//example.com) }</style>'],
    [
      'load files in styles split by a comment',
      '<style>rect { fill: u<!-- -->rl(//example.com) }</style>',
    ],
    [
      'load files in styles split by an element',
      '<style>rect { fill: u<g/>rl(//example.com) }</style>',
    ],
    [
      'load files in styles split by character data',
      '<style>u<![CDATA[rl(//example.com)]]></style>',
    ],
    ['import styles with entities', '<style>&#64;import "//example.com/a.css";</style>'],
    ['load fonts', '<style>@font-face { font-family: a; src: url(//example.com) }</style>'],
    [
      'store an address in a CSS variable',
      '<rect style="--a: url(//example.com); fill: var(--a)"/>',
    ],
    ['be nested 51 deep', `${'<g>'.repeat(50)}${'</g>'.repeat(50)}`],
    ['be nested 10,000 deep', '<g>'.repeat(10_000)],
    ['contain processing instructions', '<?php echo 1 ?>'],
    ['contain a comment that XML forbids', '<!-- a -- b -->'],
    ['end a comment in the HTML way', '<!--><script>alert(1)</script>-->'],
  ])('%s', (_, inside, attributes = '') => {
    expect(findPosterFaults(svg(inside, attributes))).not.toEqual([]);
  });
  test.each([
    ['be empty', ''],
    ['be a page', '<html><body/></html>'],
    ['be two images', svg('') + svg('')],
    ['be followed by text', `${svg('')}text`],
    ['lack its namespace', '<svg viewBox="0 0 1 1"/>'],
    ['declare a document type with entities', `<!DOCTYPE svg [<!ENTITY a "b">]>${svg('')}`],
    [
      'declare entities that grow',
      `<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>${svg('<text>&b;</text>')}`,
    ],
    [
      'declare entities from a file',
      `<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>${svg('<text>&a;</text>')}`,
    ],
    [
      'declare an external document type',
      `<!DOCTYPE svg SYSTEM "https://example.com/a.dtd">${svg('')}`,
    ],
    ['declare a document type without entities', `<!DOCTYPE svg>${svg('')}`],
    ['be in another encoding', `<?xml version="1.0" encoding="ISO-2022-JP"?>${svg('')}`],
    ['be written in UTF-16', `<?xml version="1.0" encoding="UTF-16"?>${svg('')}`],
    ['be of another XML version', `<?xml version="1.1"?>${svg('')}`],
    ['declare XML late', ` <?xml version="1.0"?>${svg('')}`],
    ['declare XML twice', `<?xml version="1.0"?><?xml version="1.0"?>${svg('')}`],
    ['be a script', '<script xmlns="http://www.w3.org/2000/svg"/>'],
    ['be only a part of an image', '<g xmlns="http://www.w3.org/2000/svg"/>'],
    ['be only a comment', '<!-- -->'],
    ['contain an image in a page', `<html xmlns="http://www.w3.org/1999/xhtml">${svg('')}</html>`],
    ['carry instructions', `<?xml-stylesheet href="https://example.com/a.css"?>${svg('')}`],
    ['end within a tag', svg('').slice(0, -3)],
  ])('%s', (_, text) => {
    expect(findPosterFaults(text)).not.toEqual([]);
  });
  test('be refused twice for the same reason', () => {
    expect(findPosterFaults(svg('<script/><script/><rect onclick=""/>'))).toEqual([
      '<script> is not allowed in a poster',
      'attribute onclick is not allowed in a poster',
    ]);
  });
});

describe('reading a poster', () => {
  test('continues after faults, and stops where the text is no longer XML', () => {
    expect(findPosterFaults(svg('<script/><g><rect onclick=""/>'))).toEqual([
      '<script> is not allowed in a poster',
      'attribute onclick is not allowed in a poster',
      expect.stringMatching(/^cannot be read as XML: 1:\d+: /),
    ]);
  });

  test('is fast for input designed to be slow', () => {
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
