// Walks through the ten stages, and runs two of them.

const { drawnPixels, equal, expect, inspect, tabTo } = require('./tools')

/** The dashed line of the reference: pixels of the curve in the color of the ink. */
const inkPixels = (page) =>
  page.evaluate(() => {
    const canvas = document.querySelector('.curve canvas')
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
    const ink = getComputedStyle(document.documentElement).color.match(/\d+/g).map(Number)
    let count = 0
    for (let i = 0; i < data.length; i += 4)
      if (data[i + 3] > 200 && ink.every((value, at) => Math.abs(data[i + at] - value) < 8)) count++
    return count
  })

const titleOf = (page) => page.textContent('.about h2')
const partsOf = (page) => page.$$eval('.part', (all) => all.map((each) => each.textContent))

async function move(page) {
  const slider = page.locator('#stage')
  await tabTo(page, '#stage', 'the slider of the stages')
  equal(await slider.getAttribute('aria-valuetext'), '00: Text becomes numbers', 'the first stage')
  for (let i = 0; i < 7; i++) await page.keyboard.press('ArrowRight')
  await page.waitForSelector('.about h2:has-text("07")')
  equal(await titleOf(page), '07 A direct path', 'the stage after seven arrow keys')
  expect(page.url().endsWith('#stages/07'), `the address is ${page.url()}`)
  expect(await slider.evaluate((each) => each === document.activeElement), 'the slider loses the focus')
  const parts = await partsOf(page)
  expect(parts.includes('projection1,056 weights'), `the diagram has no projection: ${parts}`)
  equal(await page.$$eval('.part.new', (all) => all.length), 5, 'new parts of stage 07')
  const source = await page.$$eval('.code ins', (all) => all.map((each) => each.textContent.trim()))
  expect(source.includes('const attended = add(x, this.attention.forward(x))'), `no new line: ${source}`)
  const box = await slider.boundingBox()
  await page.mouse.click(box.x + box.width * 0.995, box.y + box.height / 2)
  await page.waitForSelector('.about h2:has-text("09")')
  await page.click('.stops >> text="Previous"')
  equal(await titleOf(page), '08 A common scale', 'the stage before the last')
  await page.click('.stop-names button >> nth=1')
  equal(await titleOf(page), '01 A table of pairs', 'the stage whose name is clicked')
  expect((await partsOf(page)).length < parts.length, 'the diagram does not change')
  await page.reload()
  await page.waitForSelector('.about h2:has-text("01")')
}

async function run(page) {
  await page.waitForSelector('.curve canvas')
  expect((await inkPixels(page)) > 50, 'the reference is not drawn')
  const before = await drawnPixels(page)
  await page.click('text="Run stage 01"')
  await page.waitForSelector('.stage-run .state.running')
  await page.waitForSelector('.stage-run .state.finished')
  expect((await drawnPixels(page)) > before + 200, 'the curve is not drawn')
  // Without a network, the text may be another one.
  const isShakespeare = (await page.textContent('.strip-text')).includes('Tiny Shakespeare')
  equal((await inkPixels(page)) > 50, isShakespeare, 'the reference is beside the curve')
  const samples = await page.$$eval('.before-after h3', (all) => all.map((each) => each.textContent))
  equal(samples.join(), 'Before training,After 3,000 steps', 'the samples')
  await page.waitForSelector('.strip li:nth-child(2) .sample')
  equal(await page.$$eval('.strip .sample', (all) => all.length), 1, 'samples of the stages')
}

async function demonstrate(page) {
  await page.click('text="Next"')
  await page.click('text="Run stage 02"')
  await page.waitForSelector('.shown:has-text("agree: the largest difference")')
  equal(await page.locator('.curve').count(), 0, 'curves of a stage that trains nothing')
}

module.exports = async (page) => {
  const before = page.url()
  await page.click('text="The ten stages"')
  await page.waitForSelector('.diagram')
  await move(page)
  await run(page)
  await inspect(page, 'stages-run')
  await demonstrate(page)
  await inspect(page, 'stages-shown')
  // A phone.
  const size = page.viewportSize()
  await page.setViewportSize({ width: 360, height: 740 })
  await page.click('.stop-names button >> nth=9')
  await page.waitForSelector('.about h2:has-text("09")')
  await inspect(page, 'stages-narrow')
  await page.setViewportSize(size)
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.waitForTimeout(300)
  await inspect(page, 'stages-dark')
  await page.emulateMedia({ colorScheme: 'light' })
  await page.goto(before)
  await page.waitForSelector('.views')
}
