// Watches a run, pauses and resumes it, and reads its samples.

const { small } = require('./start')
const { drawnPixels, equal, expect, pageOf, sleep, stepOf } = require('./tools')

async function watchRun(page, context) {
  await page.waitForSelector('.big strong')
  await page.waitForFunction(() => document.querySelector('.samples h3'))
  const [before, step] = [await drawnPixels(page), await stepOf(page)]
  await page.waitForFunction(
    (old) => !document.querySelector('.status').textContent.includes(old),
    `step ${step} `,
  )
  await sleep(1500)
  expect((await drawnPixels(page)) !== before, 'the curve does not move')
  // A second tab sees the same, and a reload disturbs nothing.
  const second = await pageOf(context, 'second tab')
  await second.goto(page.url())
  await second.waitForSelector('.status .state.running')
  await second.close()
  await page.reload()
  await page.waitForSelector('.status .state.running')
  expect((await stepOf(page)) >= step, 'a reload sets the run back')
  await page.click('text=Pause')
  await page.waitForSelector('.status .state.stopped')
  const paused = await stepOf(page)
  expect(paused < Number(small.steps), 'the run ended before it was paused')
  await page.click('text=Resume')
  await page.waitForSelector('.status .state.running')
  await page.waitForSelector('.status .state.finished')
  equal(await stepOf(page), Number(small.steps), 'the step of the end')
}

async function readSamples(page) {
  const title = () => page.textContent('.samples h3')
  equal(await title(), 'What it wrote after 6,000 steps', 'the newest sample')
  await page.locator('.slider').focus()
  await page.keyboard.press('Home')
  equal(await title(), 'What it wrote after 0 steps', 'the sample after Home')
  await page.click('text=Later')
  equal(await title(), 'What it wrote after 600 steps', 'the later sample')
  const over = await page.locator('.curve .u-over').boundingBox()
  await page.mouse.click(over.x + over.width * 0.52, over.y + 50)
  equal(await title(), 'What it wrote after 3,000 steps', 'the sample after a click on the curve')
  await page.click('text=Newest')
  equal(await title(), 'What it wrote after 6,000 steps', 'the sample after Newest')
}

module.exports = { watchRun, readSamples }
