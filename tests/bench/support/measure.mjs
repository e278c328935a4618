// measure.mjs - Pinned processes, their CPU time, medians, tables and bars: what every bench needs.
//
// Servers run on core 0 and generators on core 1. The figure to trust is the CPU time that the
// kernel's scheduler accounts to the server, per unit of work: it hardly depends on what else runs on
// the machine. Variants are measured in turns, round by round, and medians are printed.
import { execFileSync, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { createInterface } from 'node:readline'

export const BUILD = process.env.KW_BUILD ?? 'build/release'
const pinned = cpus().length > 1
const running = new Set()
process.on('exit', () => { for (const child of running) child.kill('SIGKILL') })

export function buildPrograms() {
  execFileSync('cmake', ['--build', BUILD, '--target', 'kw_bench'], { stdio: ['ignore', 'ignore', 'inherit'] })
}

function pin(core, command) {
  return pinned ? ['taskset', '-c', String(core), ...command] : command
}

/** Start a server on core 0 and wait for its line `port N`. */
export async function startServer(command) {
  const [program, ...args] = pin(0, command)
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  running.add(child)
  const lines = createInterface({ input: child.stdout })
  const port = await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const found = /^port (\d+)$/.exec(line)
      if (found) resolve(Number(found[1]))
    })
    child.on('exit', (code) => reject(new Error(`${command.join(' ')} ended with ${code} before its port`)))
  })
  return {
    pid: child.pid,
    port,
    stop: () => new Promise((resolve) => {
      running.delete(child)
      child.removeAllListeners('exit')
      child.on('exit', resolve)
      child.kill('SIGKILL')
    }),
  }
}

/** Run a generator on core 1 to its end; its standard output. `onFirst` is called at its first output. */
export function runGenerator(command, onFirst) {
  const [program, ...args] = pin(1, command)
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.once('data', () => onFirst?.())
    child.stdout.on('data', (piece) => { text += piece })
    child.on('exit', (code) => {
      if (code === 0) resolve(text)
      else reject(new Error(`${command.join(' ')} ended with ${code}`))
    })
  })
}

/** CPU time of all threads of a process, in microseconds, by the scheduler's own accounting. */
export function cpuMicros(pid) {
  let nanos = 0
  for (const task of readdirSync(`/proc/${pid}/task`))
    nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0])
  return nanos / 1000
}

export function rssMegabytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Median of the ratios round by round: what slows the machine for a while slows both of a round. */
export function medianRatio(upper, lower) {
  return median(upper.map((value, round) => value / lower[round]))
}

export function spread(values, digits) {
  return `${median(values).toFixed(digits)} [${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}]`
}

export function printTable(head, rows) {
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i].length)))
  const line = (cells) => cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ')
  console.log(line(head))
  for (const row of rows) console.log(line(row))
}

/** Print what was promised and what came; the status of the process says whether all of it held. */
export function checkBars(bars) {
  for (const { text, value, least, most } of bars) {
    const ok = value >= (least ?? -Infinity) && value <= (most ?? Infinity)
    const wanted = least === undefined ? `<= ${most}` : `>= ${least}`
    console.log(`${ok ? 'held  ' : 'MISSED'}  ${text}: ${value.toFixed(2)} (${wanted})`)
    if (!ok) process.exitCode = 1
  }
}

/** `--rounds N --seconds N` of the command line. */
export function options(defaults) {
  const chosen = { ...defaults }
  for (let i = 2; i + 1 < process.argv.length; i += 2) {
    const name = process.argv[i].replace(/^--/, '')
    if (!(name in chosen)) throw new Error(`unknown option ${process.argv[i]}; there are --${Object.keys(chosen).join(' --')}`)
    chosen[name] = Number(process.argv[i + 1])
  }
  return chosen
}
