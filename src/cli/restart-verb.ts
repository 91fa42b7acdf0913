import { functionPost } from './function-post.ts';

export const restartVerb = functionPost({
  name: 'restart',
  summary: 'start replicas of functions anew, without a failed call',
  help: `Brings new replicas of the same version. They take the calls over once they are ready; where they cannot be started the
old ones stay, and the function's status says why. A function that sleeps goes on sleeping.`,
  begun: 'is being restarted',
});
