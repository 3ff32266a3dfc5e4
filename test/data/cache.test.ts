import { join, resolve } from 'node:path'
import { cacheFolder } from '../../lib/data/cache'

test.each<[string, NodeJS.ProcessEnv, NodeJS.Platform, string]>([
  ['NANO_GPT_CACHE takes precedence', { NANO_GPT_CACHE: '/c', XDG_CACHE_HOME: '/x' }, 'linux', resolve('/c')],
  ['XDG_CACHE_HOME', { XDG_CACHE_HOME: '/x' }, 'linux', join('/x', 'nano-gpt')],
  [
    'a relative XDG_CACHE_HOME is ignored',
    { XDG_CACHE_HOME: 'x' },
    'linux',
    join('/home', '.cache', 'nano-gpt'),
  ],
  ['Linux without either variable', { NANO_GPT_CACHE: '' }, 'linux', join('/home', '.cache', 'nano-gpt')],
  ['macOS', {}, 'darwin', join('/home', 'Library', 'Caches', 'nano-gpt')],
  ['Windows', { LOCALAPPDATA: '/local' }, 'win32', join('/local', 'nano-gpt', 'Cache')],
  ['Windows without LOCALAPPDATA', {}, 'win32', join('/home', 'AppData', 'Local', 'nano-gpt', 'Cache')],
])('the cache folder: %s', (_, env, platform, expected) => {
  expect(cacheFolder(env, platform, '/home')).toBe(expected)
})
