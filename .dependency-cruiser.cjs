/** Who may import whom: downwards along the flow inlet → pipeline → store → feed → broadcast → realtime, never back up. */
const only = (name, from, allowed, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: `^src/${from}/` },
  to: { path: '^src/', pathNot: allowed.map((room) => `^src/${room}`) },
});

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'domain-is-pure',
      comment: 'the rules of the contract import nothing but each other, a hash and the schema library',
      severity: 'error',
      from: { path: '^src/domain/' },
      to: { pathNot: ['^src/domain/', '^node_modules/zod/', '^crypto$', '^node:crypto$'] },
    },
    only(
      'store-never-looks-up',
      'store',
      ['store/', 'domain/', 'errors'],
      'a store keeps; it knows no feed, no socket, no route',
    ),
    only(
      'feed-never-looks-up',
      'feed',
      ['feed/', 'domain/', 'errors'],
      'a feed orders and keeps; it knows no store',
    ),
    only(
      'pipeline-flows-down',
      'pipeline',
      ['pipeline/', 'snapshot/', 'store/store', 'feed/feed', 'domain/', 'errors', 'logger', 'metrics'],
      'ports only',
    ),
    only(
      'inlet-feeds-the-pipeline',
      'inlet',
      ['inlet/', 'pipeline/', 'store/store', 'domain/', 'errors', 'logger'],
      'bytes in, updates out',
    ),
    only(
      'broadcast-follows-the-feed',
      'broadcast',
      ['broadcast/', 'feed/feed', 'domain/', 'logger'],
      'ports only',
    ),
    only(
      'realtime-never-reaches-into-the-pipeline',
      'realtime',
      ['realtime/', 'broadcast/', 'snapshot/', 'domain/', 'errors', 'logger', 'metrics', 'origins'],
      'sockets read snapshots and follow feeds',
    ),
    only(
      'http-never-reaches-into-the-pipeline',
      'http',
      [
        'http/',
        'inlet/',
        'snapshot/',
        'validator/',
        'store/store',
        'domain/',
        'errors',
        'logger',
        'metrics',
        'origins',
      ],
      'a route that takes in an update goes through the inlet: one door',
    ),
    {
      name: 'client-stands-alone',
      comment: 'the SDK runs in browsers as it is; it may look at types only',
      severity: 'error',
      from: { path: '^src/client/' },
      to: { pathNot: ['^src/client/'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'engines-are-chosen-once',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/engine\\.ts$', '^src/store/', '^src/feed/'] },
      to: { path: ['^src/store/(sqlite|mongo)', '^src/feed/(memory|redis)'] },
    },
    {
      name: 'demo-is-a-stranger',
      comment: 'the simulated validator speaks HTTP to the gateway, like the real one',
      severity: 'error',
      from: { path: '^demo/' },
      to: { path: '^src/' },
    },
    {
      name: 'examples-use-what-everybody-has',
      comment: 'the wire, and the SDK',
      severity: 'error',
      from: { path: '^examples/' },
      to: { path: ['^src/', '^demo/', '^tests/'], pathNot: '^src/client/index' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
