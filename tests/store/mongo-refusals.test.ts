import { describe, expect, it } from '@jest/globals';
import { mongo } from 'mongoose';
import type { Fault } from '../../src/errors.js';
import { refusalOf } from '../../src/store/mongo/refusals.js';
import { MongoStore } from '../../src/store/mongo-store.js';
import { describeWithMongo, openMongo } from '../support/mongo-server.js';
import { onTeardown } from '../support/teardown.js';
import { retry } from '../support/wait.js';
import { LIMITS } from './directory.js';

function open(uri: string): MongoStore {
  const store = MongoStore.open({ uri, ...LIMITS });
  onTeardown(() => store.close());
  return store;
}

describe('an address of MongoDB with which acknowledged updates could be lost', () => {
  it.each([
    'journal=false',
    'w=0',
    'w=1',
    'readPreference=secondary',
    'readPreference=primaryPreferred',
    'readConcernLevel=available',
    'readConcernLevel=majority',
  ])('is refused: %s', (option) => {
    const uri = `mongodb://user:secret@127.0.0.1/verigate?${option}`;
    const opened = () => open(uri);
    expect(opened).toThrow(expect.objectContaining({ exitCode: 78 }));
    expect(opened).toThrow(option);
    expect(opened).not.toThrow('secret');
  });
});

describe('a refusal of MongoDB', () => {
  const answered = (code: number, codeName: string, errmsg = 'what it says'): mongo.MongoServerError =>
    new mongo.MongoServerError({ code, codeName, errmsg, message: errmsg });

  it.each([
    ['disk_full', 14031, 'OutOfDiskSpace'],
    ['read_only', 10107, 'NotWritablePrimary'],
    ['read_only', 13435, 'NotPrimaryNoSecondaryOk'],
    ['read_only', 11602, 'InterruptedDueToReplStateChange'],
    ['out_of_memory', 146, 'ExceededMemoryLimit'],
    ['forbidden', 13, 'Unauthorized'],
    ['forbidden', 18, 'AuthenticationFailed'],
    ['refused', 91, 'ShutdownInProgress'],
  ])('is told by its code: %s', (reason, code, name) => {
    expect(refusalOf(answered(code, name))).toMatchObject({ reason, code: name });
  });

  it('is told by its text where the code says nothing', () => {
    expect(refusalOf(answered(8000, 'AtlasError', 'you are over your space quota'))).toMatchObject({
      reason: 'disk_full',
      code: 'AtlasError',
    });
  });
});

describeWithMongo('a MongoDB that cannot be used', () => {
  async function refusalAt(change: (uri: string) => string) {
    const mongoServer = await openMongo();
    onTeardown(() => mongoServer.stop());
    const store = open(change(mongoServer.newUri()));
    return retry(async () => {
      const error = await store.probe().then(
        () => undefined,
        (reason: Fault) => reason,
      );
      expect(error?.refusal).toBeDefined();
      return error?.refusal;
    });
  }

  it('says so: another replica set', async () => {
    const refusal = await refusalAt((uri) => uri.replace('directConnection=true', 'replicaSet=anotherSet'));
    expect(refusal).toMatchObject({ code: 'ReplicaSetName', hint: expect.stringContaining('replicaSet') });
  });

  it('says so: no TLS where the address asks for it', async () => {
    const refusal = await refusalAt((uri) => `${uri}&tls=true`);
    expect(refusal).toMatchObject({ reason: 'unreachable' });
    expect(JSON.stringify(refusal)).toMatch(/TLS/);
  });

  it('says so: a user that it does not know', async () => {
    const refusal = await refusalAt((uri) => uri.replace('//', '//jane:hunter2@'));
    expect(refusal).toMatchObject({ reason: 'forbidden', code: 'AuthenticationFailed' });
    expect(refusal?.hint).toMatch(/password/);
    expect(JSON.stringify(refusal)).not.toMatch(/hunter2|jane/);
  });

  it('says so: nothing listens there', async () => {
    const refusal = await refusalAt((uri) => uri.replace(/:\d+\//, ':1/'));
    expect(refusal).toMatchObject({ reason: 'unreachable', code: 'ECONNREFUSED' });
  });
});
