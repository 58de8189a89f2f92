// Asks an IAM evaluator that is not ours: one JSON line with policies and requests in, one with its answers out.
import { createInterface } from 'node:readline';
import { createRequire } from 'node:module';

const { runSimulation } = createRequire(import.meta.url)('@cloud-copilot/iam-simulate');
const everything = [{ Effect: 'Allow', Action: '*', Resource: '*' }];
const policy = (name, statements) => ({ name, policy: { Version: '2012-10-17', Statement: statements } });

for await (const line of createInterface({ input: process.stdin })) {
  const { form, statements, requests } = JSON.parse(line);
  const answers = [];
  for (const { action, resource, account, context } of requests) {
    const alone = form === 'allow';
    const identity = form === 'identity' ? [...everything, ...statements] : alone ? statements : everything;
    const result = await runSimulation({
      request: {
        principal: `arn:aws:iam::${account}:role/deployer`,
        action,
        resource: { resource, accountId: resource.split(':')[4] },
        contextVariables: { 'aws:PrincipalAccount': account, 'aws:ResourceAccount': resource.split(':')[4], ...context },
      },
      identityPolicies: [policy('identity', identity)],
      permissionBoundaryPolicies: form === 'boundary' ? [policy('boundary', statements)] : undefined,
      serviceControlPolicies: [
        { orgIdentifier: 'root', policies: [policy('full', everything), ...(form === 'scp' ? [policy('scp', statements)] : [])] },
      ],
      resourceControlPolicies: [],
      // Another account's layer is read only if its own permission allows it: that is not what is asked here.
      resourcePolicy: action.endsWith('GetLayerVersion') && resource.split(':')[4] !== account
        ? { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: action, Resource: resource }] }
        : undefined,
    }, {});
    answers.push(result.resultType === 'error' ? JSON.stringify(result.errors) : result.overallResult);
  }
  process.stdout.write(JSON.stringify(answers) + '\n');
}
