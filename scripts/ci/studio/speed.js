// Measures a step, and reads its times, its roofline and its memory.

const { expect, openView } = require('./tools')

module.exports = async (page) => {
  await openView(page, 'Where the time goes')
  await page.click('.speed >> text="Measure"')
  await page.waitForSelector('.kinds li')
  expect(/^One step takes [\d.,]+ ms$/.test(await page.textContent('.speed .big')), 'no time of a step')
  const parts = await page.$$eval('.kinds strong', (all) =>
    all.map(({ textContent }) => Number.parseFloat(textContent.replace('<', ''))),
  )
  const sum = parts.reduce((total, part) => total + part, 0)
  expect(Math.abs(sum - 100) < 2, `the parts of the step add up to ${sum} %`)
  const dots = await page.locator('.roofline circle').count()
  expect(dots > 10, `the roofline has ${dots} dots`)
  await page.focus('.roofline')
  await page.keyboard.press('ArrowRight')
  const named = await page.textContent('.readout')
  expect(/of the step/.test(named), `an arrow key explains no dot: ${named}`)
  const [dot] = await page.$$('.roofline circle')
  await dot.hover()
  expect(/of the step/.test(await page.textContent('.readout')), 'pointing explains no dot')
  await page.click('.speed summary')
  await page.waitForSelector('.speed tbody tr')
  expect((await page.locator('.parts li').count()) === 4, 'the memory has not four parts')
}
