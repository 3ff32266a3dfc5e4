// Writes the pictures of the studio in docs/images: trains on Shakespeare for MINUTES (default: 5), and takes
// screenshots of three views. On a quiet machine, because the curve is in the picture.
//   node scripts/studio_images.js TOOLS [MINUTES]   TOOLS/node_modules has playwright-core and axe-core

const { mkdirSync, mkdtempSync, rmSync } = require('node:fs')
const { tmpdir } = require('node:os')
const { join } = require('node:path')

const { root, chromium } = require('./ci/browser_tools')
const { desktop, openView, pageOf, phone, sleep, startStudio } = require('./ci/studio/tools')

const minutes = process.argv[3] ?? '5'
const folder = join(root, 'docs', 'images')
const picture = { ...desktop, viewport: { width: 1200, height: 1240 } }
/** Long enough for an answer of the server, and for the drawing of it. */
const settled = () => sleep(2000)

/** @param prepare returns the selector of what is at the top of the picture; undefined: the page */
async function shoot(browser, address, name, options, prepare) {
  const context = await browser.newContext(options)
  const page = await pageOf(context, name)
  await page.goto(address.token)
  await page.goto(address.run)
  await page.waitForSelector('.views')
  const top = await prepare(page)
  await settled()
  await page.evaluate((wanted) => {
    const { top } = wanted ? document.querySelector(wanted).getBoundingClientRect() : { top: 0 }
    scrollTo(0, wanted ? scrollY + top - 24 : 0)
    document.activeElement.blur()
  }, top)
  await page.mouse.move(0, 0)
  await sleep(300)
  await page.screenshot({ path: join(folder, `studio-${name}.png`) })
  await context.close()
}

async function main() {
  mkdirSync(folder, { recursive: true })
  const runs = mkdtempSync(join(tmpdir(), 'nano-gpt-'))
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args })
  const studio = await startStudio(runs)
  try {
    const page = await pageOf(await browser.newContext(desktop), 'start')
    await page.goto(studio.url)
    await page.click('.options summary')
    await page.fill('#option-minutes', minutes).catch(() => page.click(`.segments >> text="${minutes} min"`))
    await page.click('text=Use Shakespeare')
    await page.waitForSelector('.status .state.running')
    await page.waitForSelector('.status .state.finished', { timeout: 1_800_000 })
    const address = { token: studio.url, run: page.url() }
    await shoot(browser, address, 'light', { ...picture, colorScheme: 'light' }, async () => {})
    await shoot(browser, address, 'dark', { ...picture, colorScheme: 'dark' }, async (view) => {
      await openView(view, 'Where it looks')
      await view.fill('#attention-text', 'ROMEO:\nO, she doth teach the torches to burn bright!')
      await settled()
      await view.locator('.colored span').last().hover()
      await view.click('text=Which heads matter?')
      await settled()
      await view.locator('.colored span').last().hover()
    })
    await shoot(browser, address, 'phone', { ...phone, colorScheme: 'light' }, async (view) => {
      await openView(view, 'Watch it write')
      await view.fill('#prompt', 'ROMEO:')
      for (let i = 0; i < 60; i++) await view.click('text=Next character')
      return '.try'
    })
  } finally {
    await browser.close()
    await studio.stop()
    rmSync(runs, { recursive: true, force: true })
  }
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
