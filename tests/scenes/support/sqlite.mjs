// sqlite.mjs - read the service's database from outside, while it runs: rows as objects.
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'

export function sql(folder, query) {
  const out = execFileSync('sqlite3', ['-readonly', '-json', '-cmd', '.timeout 5000', join(folder, 'kilowatch.db'), query], {
    encoding: 'utf8',
  })
  return out.trim() === '' ? [] : JSON.parse(out)
}
