// Uses the studio in Chromium as a beginner does: starts a run, watches it, pauses and resumes it, and opens
// each of its views; with the keyboard, on a phone, in two tabs, after a restart, and from a hostile page.
// Writes screenshots to build/screenshots.
//   node scripts/ci/browser_studio.js TOOLS [VIEW…]   TOOLS/node_modules has playwright-core and axe-core

const { mkdirSync, mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

const { chromium, screenshots, failures } = require('./browser_tools')
const attack = require('./studio/hostile')
const useKeyboard = require('./studio/keyboard')
const { readSamples, watchRun } = require('./studio/learning')
const { startRun } = require('./studio/start')
const { desktop, equal, expect, inspect, pageOf, phone, sleep, startStudio } = require('./studio/tools')

/** The checks of the views and pages. Each begins on a page of the run, or one that its header leads from. */
const all = {
  writing: require('./studio/writing'),
  reading: require('./studio/reading'),
  attention: require('./studio/attention'),
  speed: require('./studio/speed'),
  stages: require('./studio/stages'),
  compare: require('./studio/compare'),
  timeline: require('./studio/timeline'),
  step: require('./studio/step'),
}
const wanted = process.argv.slice(3)
const views = Object.fromEntries(
  Object.entries(all).filter(([name]) => wanted.length === 0 || wanted.includes(name)),
)

async function restart(page, context, studio, runs) {
  equal(await studio.stop(), 0, 'the exit code of the studio')
  await page.waitForSelector('.connection.lost')
  await inspect(page, 'lost')
  const again = await startStudio(runs, studio.port)
  equal(again.port, studio.port, 'the port after a restart')
  const other = await pageOf(context, 'after the restart')
  await other.goto(again.url)
  await other.waitForSelector('tbody tr')
  await page.waitForSelector('.connection:not(.lost)')
  await other.close()
  return again
}

async function check(browser, runs) {
  let studio = await startStudio(runs)
  const context = await browser.newContext({ ...desktop, colorScheme: 'light' })
  const page = await pageOf(context, 'light')
  const begun = Date.now()
  await page.goto(studio.url)
  await page.waitForSelector('.drop')
  console.log(`first view after ${Date.now() - begun} ms`)
  expect(!page.url().includes('token'), 'the token stays in the address')
  await startRun(page)
  await attack(browser, studio)
  await watchRun(page, context)
  await readSamples(page)
  const run = page.url()
  await inspect(page, 'light')
  for (const [name, use] of Object.entries(views)) {
    await page.goto(run)
    await use(page, { context, studio, browser, runs })
    await inspect(page, name)
  }
  await page.goto(run)
  await page.reload()
  await useKeyboard(page)
  studio = await restart(page, context, studio, runs)
  await page.goto(run.replace(/#.*/, ''))
  await page.waitForSelector('tbody tr')
  await inspect(page, 'home')
  const hash = new URL(run).hash
  for (const [name, options] of Object.entries({
    dark: { ...desktop, colorScheme: 'dark' },
    phone: { ...phone, colorScheme: 'light' },
    'phone-dark': { ...phone, colorScheme: 'dark', reducedMotion: 'reduce' },
  })) {
    const other = await browser.newContext(options)
    const view = await pageOf(other, name)
    await view.goto(studio.url)
    await view.waitForSelector('tbody tr')
    await inspect(view, `home-${name}`)
    await view.evaluate((to) => {
      location.hash = to
    }, hash)
    await view.waitForSelector('.views')
    const links = await view.$$eval('.views a', (all) => all.map((link) => link.getAttribute('href')))
    for (const link of links) {
      await view.evaluate((to) => {
        location.hash = to
      }, link)
      await sleep(700)
      await inspect(view, `${link.split('/').at(-1)}-${name}`)
    }
    await other.close()
  }
  await context.close()
  await studio.stop()
}

async function main() {
  mkdirSync(screenshots, { recursive: true })
  const runs = mkdtempSync(join(tmpdir(), 'nano-gpt-'))
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args })
  try {
    await check(browser, runs)
  } finally {
    await browser.close()
    rmSync(runs, { recursive: true, force: true })
  }
  console.log(failures.count === 0 ? 'the studio in Chromium: all good' : `${failures.count} failures`)
  process.exit(failures.count === 0 ? 0 : 1)
}

main().catch((error) => {
  console.error(String(error.stack).slice(0, 3000))
  process.exit(1)
})
