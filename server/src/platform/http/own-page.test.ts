import { expect, test } from 'vitest';
import { isFromOwnPage } from './own-page.ts';

const publicUrl = 'https://tickets.example.com';
const host = '10.0.0.7:3000';

test.each([
  [{ 'sec-fetch-site': 'same-origin', origin: publicUrl }],
  [{ origin: publicUrl }],
  // Reached without the proxy, by its own name.
  [{ origin: `http://${host}`, host }],
  // A text browser.
  [{ referer: `${publicUrl}/shows/show_1/queue?log-in` }],
])('a form from our own page is accepted: %o', (headers) => {
  expect(isFromOwnPage(headers, publicUrl)).toBe(true);
});

test.each([
  [{}],
  [{ host }],
  [{ 'sec-fetch-site': 'cross-site', origin: publicUrl }],
  [{ 'sec-fetch-site': 'same-site', origin: publicUrl }],
  [{ 'sec-fetch-site': 'none' }],
  [{ origin: 'https://evil.example.com', host }],
  [{ origin: 'https://tickets.example.com.evil.example.com' }],
  [{ origin: 'http://tickets.example.com' }],
  [{ origin: 'null', host: 'null' }],
  [{ origin: 'https://evil.example.com', referer: publicUrl }],
  [{ referer: 'https://evil.example.com/?https://tickets.example.com' }],
])('a form that may be from another site is refused: %o', (headers) => {
  expect(isFromOwnPage(headers, publicUrl)).toBe(false);
});
