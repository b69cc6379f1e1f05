import { describe, expect, test } from 'vitest';
import { posterFaults } from './poster-svg.ts';

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
  ])('%s', (_, inside) => {
    expect(posterFaults(svg(inside))).toEqual([]);
  });
  test('begin with an XML declaration and a comment', () => {
    expect(
      posterFaults(`<?xml version="1.0" encoding="UTF-8"?>\n<!-- x -->\n${svg('')}\n`),
    ).toEqual([]);
  });
  test('be drawn by one path of 60 kB', () => {
    expect(posterFaults(svg(`<path d="${'M1 1 '.repeat(12_000)}"/>`))).toEqual([]);
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
  ])('%s', (_, inside, attributes = '') => {
    expect(posterFaults(svg(inside, attributes))).not.toEqual([]);
  });
  test.each([
    ['be empty', ''],
    ['be a page', '<html><body/></html>'],
    ['be two pictures', svg('') + svg('')],
    ['be followed by text', `${svg('')}text`],
    ['lack its namespace', '<svg viewBox="0 0 1 1"/>'],
    ['declare a type with entities', `<!DOCTYPE svg [<!ENTITY a "b">]>${svg('')}`],
    ['carry instructions', `<?xml-stylesheet href="https://example.com/a.css"?>${svg('')}`],
    ['end within a tag', svg('').slice(0, -3)],
  ])('%s', (_, text) => {
    expect(posterFaults(text)).not.toEqual([]);
  });
  test('and every reason is told once', () => {
    expect(posterFaults(svg('<script/><script/><rect onclick=""/>'))).toEqual([
      '<script> is not allowed in a poster',
      'attribute onclick is not allowed in a poster',
    ]);
  });
});
