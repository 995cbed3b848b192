/** Routes that take, complete, discard and show submissions. */
import { api } from '../http/api.ts';
import { ChallengePath, SubmissionPath } from '../http/parameters.ts';
import { binary, json, route } from '../http/route.ts';
import { submissionView, summaryOf } from '../results/submissionView.ts';
import { ReceivedZip, SubmissionSummary, SubmissionView } from '../schema/submission.ts';
import { listSubmissionCases, listSubmissions } from '../store/submissions.ts';
import {
  assertInTime,
  assertTakesFiles,
  completeSubmission,
  discardSubmission,
  openSubmission,
  refusal,
} from '../submission/lifeCycle.ts';
import { bodyOf, requireType } from '../upload/body.ts';
import { ZIP_TYPES } from '../upload/fileNames.ts';
import { submitZip } from '../upload/receiveZip.ts';

export const submissions = api();

submissions.openapi(
  route({
    access: 'submitter',
    method: 'post',
    path: '/v1/challenges/{challenge}/submissions',
    operationId: 'submitZip',
    summary: 'Submit all masks as one zip',
    description:
      'CASE.nii.gz (or CASE.nii) for each case, and CASE.jsonl with its efficiency log where there is one. Other files, such as report.json or nnU-Net’s plans.json, are passed over and listed. All is read before the answer comes: it is accepted whole, or refused with the first fault. A case without a mask scores 0.',
    request: { params: ChallengePath, body: binary(...ZIP_TYPES) },
    responses: { 202: json(ReceivedZip, 'Accepted, and queued for scoring') },
  }),
  async (c) => {
    const services = c.get('services');
    requireType(c, ZIP_TYPES);
    const body = bodyOf(c, services.limits.maxBodyBytes);
    const submission = await submitZip(services, c.get('challenge'), c.get('key')!.team!, body);
    const received = await listSubmissionCases(services.db, submission.id);
    const answer = { ...summaryOf(submission, received), passedOver: [...submission.passedOver] };
    return c.json(answer, 202, { location: `/v1/submissions/${submission.id}` });
  },
);

submissions.openapi(
  route({
    access: 'submitter',
    method: 'post',
    path: '/v1/challenges/{challenge}/submissions/open',
    operationId: 'openSubmission',
    summary: 'Open a submission whose masks come one by one',
    request: { params: ChallengePath },
    responses: { 201: json(SubmissionSummary, 'It takes masks until it is completed') },
  }),
  async (c) => {
    const submission = await openSubmission(
      c.get('services'),
      c.get('challenge'),
      c.get('key')!.team!,
      'files',
    );
    return c.json(summaryOf(submission, []), 201, { location: `/v1/submissions/${submission.id}` });
  },
);

submissions.openapi(
  route({
    access: 'author',
    method: 'post',
    path: '/v1/submissions/{submission}/complete',
    operationId: 'completeSubmission',
    summary: 'Complete an open submission',
    request: { params: SubmissionPath },
    responses: { 202: json(SubmissionSummary, 'Accepted, and queued for scoring') },
  }),
  async (c) => {
    const services = c.get('services');
    assertInTime(c.get('challenge'));
    assertTakesFiles(c.get('submission'));
    const submission = await completeSubmission(services, c.get('submission'));
    return c.json(summaryOf(submission, await listSubmissionCases(services.db, submission.id)), 202);
  },
);

submissions.openapi(
  route({
    access: 'author',
    method: 'delete',
    path: '/v1/submissions/{submission}',
    operationId: 'discardSubmission',
    summary: 'Give up a submission that is still open',
    description: 'It no longer counts among the day’s. One that was completed stays.',
    request: { params: SubmissionPath },
    responses: { 204: { description: 'It is gone' } },
  }),
  async (c) => {
    const services = c.get('services');
    const { id } = c.get('submission');
    if (!(await discardSubmission(services, id))) throw await refusal(services.db, id, ': it stays');
    return c.body(null, 204);
  },
);

submissions.openapi(
  route({
    access: 'member',
    method: 'get',
    path: '/v1/challenges/{challenge}/submissions',
    operationId: 'listSubmissions',
    summary: 'List submissions: a team its own, an organiser all',
    request: { params: ChallengePath },
    responses: { 200: json(SubmissionSummary.array(), 'Newest first') },
  }),
  async (c) => {
    const { db } = c.get('services');
    const found = await listSubmissions(db, c.get('challenge').id, c.get('key')!.team ?? undefined);
    const views = found.map(async (each) => summaryOf(each, await listSubmissionCases(db, each.id)));
    return c.json(await Promise.all(views), 200);
  },
);

submissions.openapi(
  route({
    access: 'team',
    method: 'get',
    path: '/v1/submissions/{submission}',
    operationId: 'getSubmission',
    summary: 'Show the state, the progress and the scores of a submission',
    request: { params: SubmissionPath },
    responses: { 200: json(SubmissionView, 'The submission') },
  }),
  async (c) => {
    const { db } = c.get('services');
    return c.json(await submissionView(db, c.get('challenge'), c.get('submission')), 200);
  },
);
