import { join } from 'node:path'
import { cacheFolder } from '../../lib/data/cache'

test.each<[string, NodeJS.ProcessEnv, NodeJS.Platform, string]>([
  ['its own variable wins', { NANO_GPT_CACHE: '/c', XDG_CACHE_HOME: '/x' }, 'linux', '/c'],
  ['XDG', { XDG_CACHE_HOME: '/x' }, 'linux', join('/x', 'nano-gpt')],
  ['a relative XDG path is ignored', { XDG_CACHE_HOME: 'x' }, 'linux', join('/home', '.cache', 'nano-gpt')],
  ['Linux without any', { NANO_GPT_CACHE: '' }, 'linux', join('/home', '.cache', 'nano-gpt')],
  ['macOS', {}, 'darwin', join('/home', 'Library', 'Caches', 'nano-gpt')],
  ['Windows', { LOCALAPPDATA: '/local' }, 'win32', join('/local', 'nano-gpt', 'Cache')],
  ['Windows without LOCALAPPDATA', {}, 'win32', join('/home', 'AppData', 'Local', 'nano-gpt', 'Cache')],
])('the cache folder: %s', (_, env, platform, expected) => {
  expect(cacheFolder(env, platform, '/home')).toBe(expected)
})
