import { functionPost } from './function-post.ts';

export const rollbackVerb = functionPost({
  name: 'rollback',
  summary: 'bring the versions before the last updates back',
  help: `Makes the version before the last update the current one, which takes the calls over once it is ready. Done twice, the last
one serves again.`,
  begun: 'is being rolled back',
});
