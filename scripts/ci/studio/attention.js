// Looks at the heads of a model, and switches some off.

const { small } = require('./start')
const { equal, expect, isFocused, openView } = require('./tools')

const text = 'The model and the text'

module.exports = async (page) => {
  await openView(page, 'Where it looks')
  await page.fill('#attention-text', text)
  await page.waitForFunction(
    (typed) => document.querySelector('.colored')?.textContent.trim() === typed,
    text,
  )
  const pictures = page.locator('.grid canvas')
  equal(await pictures.count(), Number(small.layers) * Number(small.heads), 'the pictures of heads')
  equal(await page.locator('.grid [role=switch]').count(), await pictures.count(), 'the switches of heads')
  equal(await firstColumnOf(page), text.length, 'the places in the first column of a picture')
  const readout = () => page.textContent('.seen')
  const row = () =>
    page.$eval('.grid', ({ style }) =>
      ['--row', '--rows'].map((name) => style.getPropertyValue(name)).join(' of '),
    )

  // The newest character looks first, then the one under the pointer, then the arrow keys move.
  equal(await row(), '21 of 22', 'the row at first')
  await page.locator('.colored span').nth(8).hover()
  expect((await readout()).includes('“The model”'), `pointing explains no character: ${await readout()}`)
  equal(await row(), '8 of 22', 'the row under the pointer')
  await page.focus('.colored')
  await page.keyboard.press('ArrowLeft')
  expect((await readout()).includes('“The mode”'), 'an arrow key moves no character')
  equal(await row(), '7 of 22', 'the row after an arrow key')
  await page.keyboard.press('Home')
  expect(
    /itself\s*100\s%/.test(await readout()),
    `the first character does not look at itself: ${await readout()}`,
  )
  const shades = await page.$$eval('.colored span', (all) =>
    all.map((each) => Number.parseInt(each.style.getPropertyValue('--heat'), 10)),
  )
  equal(shades.filter((shade) => shade > 0).length, 1, 'the characters at which the first one looks')
  await page.keyboard.press('End')

  // From head to head.
  await page.locator('.grid .picture').first().focus()
  await page.keyboard.press('ArrowRight')
  expect(
    await isFocused(page, 'td:nth-of-type(2) .picture[aria-pressed=true]'),
    'an arrow key chooses no head',
  )
  expect((await readout()).includes('Head 2 of layer 1'), 'another head is not explained')
  await page.keyboard.press('Tab')
  expect(
    await isFocused(page, 'td:nth-of-type(2) [role=switch]'),
    'Tab does not lead to the switch of the head',
  )

  // Without a head.
  const words = () => page.textContent('.loss-words')
  const samples = () => page.$$eval('.pair .sample', (all) => all.map((each) => each.textContent.trim()))
  const before = await words()
  await page.waitForSelector('.pair .sample')
  const [written] = await samples()
  expect(before.startsWith('With all heads'), `the loss with all heads: ${before}`)
  const begun = Date.now()
  await page.keyboard.press('Space')
  await page.waitForSelector('.loss-words:has-text("Without head 2 of layer 1")')
  console.log(`from the switch to the loss: ${Date.now() - begun} ms`)
  await page.waitForSelector('.pair mark')
  console.log(`from the switch to the text: ${Date.now() - begun} ms`)
  expect(
    /among [\d.,]+\s+instead of [\d.,]+/.test(await words()),
    `the loss without a head: ${await words()}`,
  )
  const [same, other] = await samples()
  equal(same, written, 'the text with all heads')
  expect(other !== written, 'the text is the same without a head')
  expect((await readout()).includes('(off)'), 'the head is not said to be off')
  equal((await page.textContent('td:nth-of-type(2) label')).trim(), 'off', 'the words of the switch')

  await page.click('text=Which heads matter?')
  await page.waitForSelector('.ranking')
  equal(await page.locator('.grid .rise').count(), await pictures.count(), 'the bars of heads')
  expect(
    /without it, [\d.,]+ instead of/.test(await page.textContent('.ranking li')),
    'the heads have no order',
  )

  await page.click('text=All on')
  await page.waitForSelector('.loss-words:has-text("With all heads")')
  equal(await words(), before, 'the loss with all heads on again')
  await page.waitForFunction(() => !document.querySelector('.pair mark'))
  equal((await samples())[0], written, 'the text with all heads on again')
  // For the screenshot.
  await page.click('td:nth-of-type(2) label')
  await page.waitForSelector('.pair mark')
}

/** The number of pixels of the first picture that are drawn in its first column: every token can look there. */
const firstColumnOf = (page) =>
  page.$eval('.grid canvas', (canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, 1, canvas.height)
    return data.filter((value, i) => i % 4 === 3 && value > 0).length
  })
