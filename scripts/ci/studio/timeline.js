// Scrubs along a run, rebuilds a step, and forks the run there.

const { expect, equal, inspect, openView } = require('./tools')

const bars = (page) => page.$$eval('.bar', (all) => all.map((bar) => bar.textContent).join())
const chosen = (page) => page.inputValue('#moment')

/** Waits until the odds are others. */
async function otherBars(page, before) {
  await page.waitForFunction(
    (old) => [...document.querySelectorAll('.bar')].map((bar) => bar.textContent).join() !== old,
    before,
  )
}

async function scrub(page) {
  await openView(page, 'Watch it write')
  await page.fill('#prompt', 'The ')
  await page.waitForSelector('.bar')
  await page.waitForTimeout(500)
  const newest = await bars(page)
  equal(await chosen(page), '6,000', 'the newest step')
  // With the keyboard.
  await page.focus('.slider')
  const odds = page.waitForResponse((response) => response.url().endsWith('/api/odds'))
  const begun = Date.now()
  await page.keyboard.press('Home')
  await odds
  console.log(`from a step to its odds: ${Date.now() - begun} ms`)
  equal(await chosen(page), '0', 'the step after Home')
  await otherBars(page, newest)
  const first = await bars(page)
  await page.keyboard.press('ArrowRight')
  equal(await chosen(page), '1', 'the step after an arrow key')
  await otherBars(page, first)
  // With the mouse: it rests on a snapshot.
  const before = await bars(page)
  const box = await page.locator('.slider').boundingBox()
  await page.mouse.move(box.x + 8, box.y + box.height / 2)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width * 0.3, box.y + box.height / 2, { steps: 4 })
  await page.mouse.up()
  equal(Number((await chosen(page)).replace(',', '')) % 150, 0, 'the distance to a snapshot')
  await otherBars(page, before)
  await page.click('text=Newest')
  await otherBars(page, before)
  await page.waitForFunction(
    (old) => [...document.querySelectorAll('.bar')].map((bar) => bar.textContent).join() === old,
    newest,
  )
}

async function rebuild(page) {
  await openView(page, 'How it learns')
  expect(
    await page.$eval('#moment', (field) => field.scrollWidth <= field.clientWidth),
    'the field of the step cuts it',
  )
  await page.fill('#moment', '')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.timeline .problem')
  await page.fill('#moment', '9999999')
  await page.keyboard.press('Enter')
  await page.waitForSelector('.timeline .problem:has-text("from 0 to 6,000")')
  await page.fill('#moment', '1,234')
  await page.keyboard.press('Enter')
  const button = page.locator('.rebuild >> text=Rebuild it')
  const done = page.locator('.rebuild:has-text("is rebuilt")')
  await button.or(done).first().waitFor()
  // On a fast machine it is rebuilt at once.
  if (await button.isVisible()) {
    expect(/takes about \d+ s/.test(await page.textContent('.rebuild')), 'the time is not told')
    await button.click()
  }
  await done.waitFor()
  expect(/same bits as \d+ snapshots/.test(await page.textContent('.rebuild')), 'the bits are not checked')
  equal(await chosen(page), '1,234', 'the rebuilt step')
  await page.waitForSelector('.weights-picture canvas')
  const range = () => page.textContent('.weights-picture .small-note')
  const here = await range()
  await page.click('text=Newest')
  await page.waitForFunction(
    (old) => document.querySelector('.weights-picture .small-note').textContent !== old,
    here,
  )
}

async function fork(page) {
  const parent = page.url()
  await page.fill('#moment', '3000')
  await page.keyboard.press('Enter')
  await page.click('text=Fork here')
  await page.selectOption('#fork-option', 'learningRate')
  await page.fill('#fork-value', '-1')
  await page.click('.fork .primary')
  await page.waitForSelector('.fork .problem')
  await inspect(page, 'fork-form')
  await page.fill('#fork-value', '0.05')
  await page.click('.fork .primary')
  await page.waitForFunction((old) => location.href !== old, parent)
  await page.waitForSelector('.status .state.finished')
  await page.waitForSelector('.fork-note:has-text("learning rate 0.05 instead of")')
  await page.waitForSelector('.fork-note:has-text("After 6,000 steps")')
  await page.waitForSelector('.line.other')
  expect(await page.locator('.mark.split').isVisible(), 'the step of the fork is not marked')
  await inspect(page, 'fork')
  await page.click('.fork-note a')
  await page.waitForSelector('h2:has-text("Forks")')
  expect(
    (await page.textContent('section:has(#forks-title)')).includes('learning rate 0.05'),
    'no fork is listed',
  )
  equal(page.url().replace(/\/learning$/, ''), parent.replace(/\/learning$/, ''), 'the page of the run')
}

module.exports = async (page) => {
  await scrub(page)
  await rebuild(page)
  await fork(page)
}
