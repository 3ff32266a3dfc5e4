// Lets a model write.

const { equal, expect, openView, sleep } = require('./tools')

module.exports = async (page) => {
  await openView(page, 'Watch it write')
  await page.waitForSelector('.bar')
  const bars = () => page.$$eval('.bar', (all) => all.map((bar) => bar.textContent))
  const written = () => page.$eval('.try .sample', (element) => element.textContent)
  await page.fill('#prompt', 'The ')
  await page.waitForFunction(() => document.querySelector('.try .sample').textContent.startsWith('The '))
  await sleep(500)
  const begun = Date.now()
  const old = (await bars()).join()
  await page.fill('#prompt', 'The mode')
  await page.waitForFunction(
    (before) => [...document.querySelectorAll('.bar')].map((bar) => bar.textContent).join() !== before,
    old,
  )
  console.log(`from input to odds: ${Date.now() - begun} ms`)
  await page.fill('#topK', '2')
  equal(await page.locator('.bar:not(.out)').count(), 2, 'the bars with top-k 2')
  await page.fill('#topK', '0')
  await page.fill('#temperature', '0')
  expect((await bars())[0].includes('100\u00a0%'), 'with temperature 0 the first bar is not certain')
  await page.fill('#temperature', '1')
  // The same seed writes the same text.
  const write = async () => {
    await page.click('text=Start over', { force: true }).catch(() => {})
    for (let i = 0; i < 5; i++) {
      const length = (await written()).length
      await page.click('text=Next character')
      await page.waitForFunction((n) => document.querySelector('.try .sample').textContent.length > n, length)
    }
    return written()
  }
  const once = await write()
  equal(await write(), once, 'the text of the same seed')
  await page.locator('.bar:enabled').nth(1).click()
  expect((await page.textContent('.try mark')).length === 1, 'a chosen token is not marked')
  const length = (await written()).length
  await page.click('.try .button.primary')
  await page.waitForFunction((n) => document.querySelector('.try .sample').textContent.length > n + 3, length)
  await page.click('.try .button.primary')
  // Another view, and back: the text is still there.
  const before = await written()
  await openView(page, 'How it learns')
  await openView(page, 'Watch it write')
  equal(await written(), before, 'the text after a look at another view')
  equal(await page.inputValue('#prompt'), 'The mode', 'the beginning after a look at another view')
}
