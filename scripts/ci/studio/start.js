// Starts a run from a file, after mistakes that a beginner makes.

const { readFileSync, readdirSync } = require('node:fs')
const { join } = require('node:path')
const { root, expect, inspect } = require('./tools')

/** A file as it is chosen on the page. */
const file = {
  name: 'The docs.md',
  mimeType: 'text/markdown',
  buffer: Buffer.concat(
    readdirSync(join(root, 'docs'))
      .filter((name) => name.endsWith('.md'))
      .map((name) => readFileSync(join(root, 'docs', name))),
  ),
}
const picture = {
  name: 'photo.jpg',
  mimeType: 'image/jpeg',
  buffer: Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0]),
}

/** Options of a run that takes some ten seconds, as texts of fields. */
const small = {
  ...{ layers: '1', heads: '2', embed: '32', blockSize: '32', batchSize: '8' },
  ...{ steps: '6000', evalInterval: '600', evalBatches: '4', sampleTokens: '120' },
}

async function startRun(page) {
  await page.waitForSelector('.drop')
  expect((await page.textContent('.empty')).includes('Nothing here yet'), 'an empty folder is not explained')
  await inspect(page, 'home-empty')
  await page.click('text=Paste a text')
  await page.fill('#pasted', 'Too short.')
  await page.click('text=Train on this text')
  await page.waitForSelector('.problem:has-text("at least 1000")')
  await page.click('.options summary')
  for (const [name, value] of Object.entries(small)) await page.fill(`#option-${name}`, value)
  await page.fill('#option-heads', '0')
  await page.setInputFiles('input[type=file]', picture)
  await page.waitForSelector('.problem:has-text("not a plain text")')
  await page.setInputFiles('input[type=file]', file)
  await page.waitForSelector('.field.wrong:has(#option-heads) .problem')
  await inspect(page, 'home-wrong')
  await page.fill('#option-heads', small.heads)
  const begun = Date.now()
  await page.setInputFiles('input[type=file]', file)
  await page.waitForSelector('.status .state.running')
  console.log(`training is shown after ${Date.now() - begun} ms`)
}

module.exports = { startRun, small }
