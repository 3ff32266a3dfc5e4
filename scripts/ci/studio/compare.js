// Follows a run of the command line beside those of the studio, and compares it with one of them.

const { spawn } = require('node:child_process')
const { writeFileSync } = require('node:fs')
const { join } = require('node:path')
const { small } = require('./start')
const {
  desktop,
  drawnPixels,
  equal,
  expect,
  inspect,
  pageOf,
  phone,
  root,
  sleep,
  stepOf,
} = require('./tools')

const kebab = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

/** Trains in a process of its own until it is stopped. */
function trainOnCommandLine(runs, data) {
  const options = {
    ...small,
    data,
    steps: '3000000',
    dropout: '0.1',
    seed: '5',
    sampleInterval: '600',
    out: join(runs, 'terminal'),
  }
  const flags = Object.entries(options).flatMap(([name, value]) => [`--${kebab(name)}`, value])
  const child = spawn(process.execPath, [join(root, 'dist', 'cli', 'main.js'), 'train', ...flags], {
    stdio: 'ignore',
  })
  process.on('exit', () => child.kill('SIGKILL'))
  const ended = new Promise((done) => child.on('close', done))
  return {
    async stop() {
      child.kill('SIGINT')
      await ended
    },
  }
}

module.exports = async (page, { browser, studio, runs }) => {
  const data = join(runs, 'a text.txt')
  writeFileSync(data, 'The sea was calm, and the ship sailed on. '.repeat(400))
  const home = page.url().replace(/#.*/, '')
  await page.goto(`${home}#`)
  await page.waitForSelector('.runs')
  const other = trainOnCommandLine(runs, data)
  const row = page.locator('.runs tbody tr', { hasText: 'terminal' })
  await row.locator('.state.running').waitFor()
  // It belongs to another process, so the page cannot pause it.
  equal(await row.locator('button').count(), 0, 'the buttons of a run of another process')
  await sortTable(page)
  await row.locator('a').click()
  await page.waitForSelector('.status .state.running')
  const step = await stepOf(page)
  await page.waitForFunction(
    (old) => !document.querySelector('.status').textContent.includes(old),
    `step ${step.toLocaleString('en')} `,
  )
  await page.goto(`${home}#`)
  await page.waitForSelector('.runs')
  expect((await page.textContent('main')).includes('Select two runs'), 'how to compare is not explained')
  for (const name of ['terminal', 'The-docs'])
    await page.locator('.runs tbody tr', { hasText: name }).first().locator('input[type=checkbox]').check()
  await inspect(page, 'home-selected')
  await page.click('text=/^Compare 2 runs$/')
  await page.waitForSelector('.compared')
  await compare(page)
  await followLive(page, other)
  await inspect(page, 'compare')
  const hash = new URL(page.url()).hash
  for (const [name, options] of Object.entries({
    'compare-dark': { ...desktop, colorScheme: 'dark' },
    'compare-phone': { ...phone, colorScheme: 'light' },
  })) {
    const context = await browser.newContext(options)
    const view = await pageOf(context, name)
    await view.goto(studio.url)
    await view.waitForSelector('.runs')
    await view.evaluate((to) => {
      location.hash = to
    }, hash)
    await view.waitForSelector('.compared')
    await sleep(500)
    await inspect(view, name)
    await context.close()
  }
  await page.goto(`${home}#`)
  await resumeInTable(row)
}

/** A run that has stopped goes on in the studio, which can pause it then. */
async function resumeInTable(row) {
  await row.locator('.act button:has-text("Resume")').click()
  await row.locator('.act button:has-text("Pause")').click()
  await row.locator('.state.stopped').waitFor()
}

async function sortTable(page) {
  const first = () => page.textContent('.runs tbody tr:first-child .id')
  equal(await first(), 'terminal', 'the newest run')
  await page.click('.sort >> text=Started')
  expect((await first()) !== 'terminal', 'a click on “Started” does not turn the order around')
  await page.click('.sort >> text="Choosing among"')
  equal(await page.getAttribute('th:has-text("Choosing among")', 'aria-sort'), 'ascending', 'the order')
}

async function compare(page) {
  expect((await page.textContent('.big')).includes('guesses best'), 'no run is the best')
  const options = await page.$$eval('.options-that-differ .label', (all) =>
    all.map((each) => each.textContent),
  )
  for (const name of ['seed', 'dropout', 'steps'])
    expect(options.includes(name), `the option ${name} differs, but is not shown among ${options}`)
  expect(!options.includes('layers'), 'an option that is the same is shown')
  expect((await drawnPixels(page)) > 1000, 'no curves are drawn')
  equal(await page.locator('.side-by-side .sample').count(), 2, 'the samples')
  const title = () => page.textContent('#wrote-title')
  const newest = await title()
  await page.focus('.together')
  await page.keyboard.press('Home')
  equal(await title(), 'What they wrote after 0 steps', 'the samples after Home')
  expect(newest !== (await title()), 'the slider does not begin at the newest samples')
  const begin = await drawnPixels(page)
  await page.click('.segments >> text=time')
  await sleep(300)
  expect((await drawnPixels(page)) !== begin, 'the curves along the time are those along the steps')
  await page.click('.segments >> text=steps')
  expect(/compare .*terminal/.test(await page.textContent('.command code')), 'the command names no runs')
}

/** The comparison changes while one of its runs trains, and until it ends. */
async function followLive(page, other) {
  const steps = () => page.$$eval('.compared td', (all) => all.map((cell) => cell.textContent).join())
  const before = await steps()
  await page.waitForFunction(
    (old) => [...document.querySelectorAll('.compared td')].map((cell) => cell.textContent).join() !== old,
    before,
  )
  await other.stop()
  await page.waitForSelector('.compared >> text=Paused')
}
