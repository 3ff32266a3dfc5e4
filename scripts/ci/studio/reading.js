// Colors a text by its surprise.

const { expect, openView } = require('./tools')

module.exports = async (page) => {
  await openView(page, 'Watch it read')
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
  expect((await page.textContent('.readout')).startsWith('All in all'), 'the text has no sum')
  await page.focus('.colored')
  await page.keyboard.press('ArrowRight')
  expect((await page.textContent('.readout')).startsWith('“h”'), 'an arrow key explains no character')
}
