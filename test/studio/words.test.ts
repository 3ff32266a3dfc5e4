// Words of the page.

import { onPage } from './page'

test.each([
  [' ', 'the space'],
  ['\n', 'the new line'],
  ['', 'a part of a character'],
  ['k', '“k”'],
  // A property of every object, and a token of GPT-2.
  ['constructor', '“constructor”'],
])('the name of the token %j', (text, name) => {
  expect(onPage('words.mjs', 'page.tokenWords(given)', text)).toBe(name)
})

test('one step, two steps', () => {
  expect(onPage('words.mjs', "given.map((n) => page.plural(n, 'step'))", [0, 1, 2, 5000])).toEqual([
    ...['0 steps', '1 step', '2 steps', '5,000 steps'],
  ])
})
