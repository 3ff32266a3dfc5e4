// Colors a text by its surprise, and plays the guessing game.

const { equal, expect, isFocused, openView } = require('./tools')

async function color(page) {
  await page.fill('#surprise-text', 'The model zq')
  await page.waitForFunction(() => document.querySelector('.colored').textContent.trim() === 'The model zq')
  const heats = await page.$$eval('.colored span', (all) =>
    all.map((each) => Number.parseInt(each.style.getPropertyValue('--heat'), 10)),
  )
  expect(heats.at(-1) > heats[2], `"q" is no more surprising than the "e" of "The": ${heats}`)
  await page.locator('.colored span').last().hover()
  expect(
    /^“q” had a chance of .*\s%/.test(await page.textContent('.readout')),
    'pointing explains no character',
  )
  await page.mouse.move(0, 0)
  expect((await page.textContent('.readout')).startsWith('On average'), 'the text has no sum')
  await page.focus('.colored')
  await page.keyboard.press('ArrowRight')
  expect((await page.textContent('.readout')).startsWith('“h”'), 'an arrow key explains no character')
}

async function play(page) {
  await page.click('.guess .button')
  await page.waitForSelector('#guess')
  await page.waitForFunction(() => document.activeElement.id === 'guess')
  const shown = () => page.textContent('.guess .sample')
  const beginning = await shown()
  await page.keyboard.type('e')
  await page.waitForFunction((old) => document.querySelector('.guess .sample').textContent !== old, beginning)
  expect(/The model gave it/.test(await page.textContent('.guess .readout')), 'a guess is not answered')
  equal((await shown()).length, beginning.length + 1, 'the text after a guess')
  await page.keyboard.type('\u4e2d')
  await page.waitForSelector('.guess .readout:has-text("This text has no")')
  equal((await shown()).length, beginning.length + 1, 'the text after a character that it does not have')
  await page.click('.guess .segments >> text=no idea')
  expect(await isFocused(page, '#guess'), 'after saying how sure, the keyboard is elsewhere')
  await page.keyboard.press('Enter')
  await page.keyboard.type('aeoti')
  expect((await page.$('.guess .big')) === null, 'there is a score after 7 guesses')
  await page.keyboard.type('nsr')
  await page.waitForSelector('.guess .big')
  const score = await page.textContent('.guess .big')
  expect(/You: as if choosing among [\d.]+\. The model: [\d.]+\./.test(score.trim()), `the score: ${score}`)
  for (let i = 0; i < 40 && (await page.$('#guess')); i++) await page.keyboard.type(' ')
  expect(/wins?[.!]/.test(await page.textContent('.guess')), 'the game has no end')
  expect(await isFocused(page, '.guess .button'), 'after the end, the keyboard is nowhere')
}

module.exports = async (page) => {
  await openView(page, 'Watch it read')
  await color(page)
  await play(page)
}
