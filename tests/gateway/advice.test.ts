import { describe, expect, it } from '@jest/globals';
import { adviceOnDescriptors, adviceOnDirectory } from '../../src/gateway/advice.js';
import { adviceIn } from '../../src/redis/advice.js';

describe('advice at the start', () => {
  it('names MAX_CONNECTIONS where the process may open too few files', () => {
    const limits =
      'Max processes   95  95 processes\nMax open files            1024                 4096   files\n';
    expect(adviceOnDescriptors(20_000, limits)).toMatchObject([{ setting: 'MAX_CONNECTIONS' }]);
    expect(adviceOnDescriptors(20_000, limits)[0]?.advice).toContain('1024');
    expect(adviceOnDescriptors(900, limits)).toEqual([]);
    expect(adviceOnDescriptors(20_000, '')).toEqual([]);
  });

  it('names DATA_DIR on a network file system, for the engine that uses it', () => {
    const nfs = () => 0x6969;
    expect(adviceOnDirectory({ ENGINE: 'embedded', DATA_DIR: '/x' }, nfs)).toMatchObject([
      { setting: 'DATA_DIR' },
    ]);
    expect(adviceOnDirectory({ ENGINE: 'distributed', DATA_DIR: '/x' }, nfs)).toEqual([]);
    expect(adviceOnDirectory({ ENGINE: 'embedded', DATA_DIR: '/x' }, () => 0xef53)).toEqual([]);
  });

  it('names what Redis evicts, and an old version', () => {
    expect(adviceIn('redis_version:7.0.15\r\nmaxmemory_policy:noeviction\r\n')).toEqual([]);
    const settings = (info: string) => adviceIn(info).map(({ setting }) => setting);
    expect(settings('redis_version:7.0.15\r\nmaxmemory_policy:allkeys-lru\r\n')).toEqual([
      'maxmemory-policy',
    ]);
    expect(settings('redis_version:6.0.16\r\nmaxmemory_policy:noeviction\r\n')).toEqual(['redis_version']);
    expect(settings('')).toEqual([]);
  });
});
