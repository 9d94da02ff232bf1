import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ROOT, runProgram } from '../support/program.js';
import { temporaryDirectory } from '../support/teardown.js';

test('a build takes nothing away that runs: it writes what has changed, and removes what has no source any more', async () => {
  const project = temporaryDirectory();
  const at = (path: string) => join(project, path);
  const write = (path: string, text: string) => writeFileSync(at(path), text);
  const build = () =>
    runProgram('/bin/sh', ['-c', `cd '${project}' && exec '${process.execPath}' '${ROOT}scripts/build.js'`]);
  mkdirSync(at('src'));
  mkdirSync(at('dist/readme-1'), { recursive: true });
  write('dist/readme-1/kept.js', '');
  write('package.json', '{"type":"module"}');
  const options = { module: 'NodeNext', outDir: 'dist', rootDir: '.', incremental: true, types: [] };
  const config = { compilerOptions: { ...options, tsBuildInfoFile: 'dist/.tsbuildinfo' }, include: ['src'] };
  write('tsconfig.json', JSON.stringify(config));
  write('src/kept.ts', 'export const kept: number = 1;\n');
  write('src/stale.test.ts', 'export const stale = 1;\n');
  for (const folder of ['js', 'css', 'favicons']) mkdirSync(at(`public/${folder}`), { recursive: true });
  write('public/js/main.js', 'console.log("first");\n');
  write('public/css/page.css', 'p { color: red; }\n');
  write('public/favicon.svg', '<svg/>');
  write('public/index.html', '<link href="css/page.css"><script src="js/main.js"></script>');
  expect(await build()).toMatchObject({ code: 0, out: '', err: expect.stringContaining('the first time') });
  const before = statSync(at('dist/src/kept.js'));
  expect(existsSync(at('dist/src/stale.test.js'))).toBe(true);

  const scriptOf = () => /assets\/main-\w+\.js/.exec(readFileSync(at('dist/public/index.html'), 'utf8'))?.[0];
  const firstScript = scriptOf() ?? '';
  rmSync(at('src/stale.test.ts'));
  write('src/new.ts', 'export const more = 2;\n');
  write('public/js/main.js', 'console.log("second");\n');
  expect((await build()).code).toBe(0);
  // A page that was loaded before finds its script, and a new one gets the new script.
  expect(scriptOf()).not.toBe(firstScript);
  for (const script of [firstScript, scriptOf()]) expect(existsSync(at(`dist/public/${script}`))).toBe(true);
  const after = statSync(at('dist/src/kept.js'));
  expect([after.ino, after.mtimeMs]).toEqual([before.ino, before.mtimeMs]);
  expect(['stale.test', 'new'].map((name) => existsSync(at(`dist/src/${name}.js`)))).toEqual([false, true]);
  expect(existsSync(at('dist/readme-1/kept.js'))).toBe(true);

  // The compiler believes that it has written it; and an error is an error.
  rmSync(at('dist/src/kept.js'));
  write('src/new.ts', 'export const more: string = 2;\n');
  expect(await build()).toMatchObject({ code: 2, out: expect.stringContaining('error TS2322') });
  expect(readFileSync(at('dist/src/kept.js'), 'utf8')).toContain('kept = 1');
});

test('no script deletes dist/, and only those compile that say so', () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>;
  };
  for (const script of Object.values(scripts)) expect(script).not.toMatch(/\brm|rmSync/);
  expect(scripts.replay).not.toContain('build.js');
  expect(scripts.start).not.toContain('build.js');
});
