/** Routes that take the mask and the efficiency log of one case of a submission. */
import { api } from '../http/api.ts';
import { SubmissionCasePath } from '../http/parameters.ts';
import { binary, json, route } from '../http/route.ts';
import { ReceivedLog, ReceivedMask } from '../schema/submission.ts';
import type { LogSource } from '../store/efficiencyLogs.ts';
import { assertTakesFiles } from '../submission/lifeCycle.ts';
import { bodyOf, requireType } from '../upload/body.ts';
import { LOG_TYPES, MASK_TYPES } from '../upload/fileNames.ts';
import { receiveLog, receiveMask } from '../upload/receive.ts';

export const caseFiles = api();

caseFiles.openapi(
  route({
    access: 'author',
    method: 'put',
    path: '/v1/submissions/{submission}/cases/{case}',
    operationId: 'putMask',
    summary: 'Upload the mask of one case to an open submission',
    description: 'NIfTI, gzipped or not. Another upload takes its place until the submission is completed.',
    request: { params: SubmissionCasePath, body: binary(...MASK_TYPES) },
    responses: { 201: json(ReceivedMask, 'It is sound, and stored') },
  }),
  async (c) => {
    const services = c.get('services');
    const submission = c.get('submission');
    const { case: name } = c.req.valid('param');
    assertTakesFiles(submission);
    requireType(c, MASK_TYPES);
    const body = bodyOf(c, services.limits.maxMaskBytes);
    await receiveMask(services, c.get('challenge'), submission, name, body);
    return c.json({ case: name, submission: submission.id }, 201);
  },
);

caseFiles.openapi(
  route({
    access: 'team',
    method: 'put',
    path: '/v1/submissions/{submission}/cases/{case}/efficiency',
    operationId: 'putEfficiencyLog',
    summary: 'Upload the efficiency log of one case',
    description:
      'JSON lines of {t, gpuMemoryMb, cpuPercent}, or {"stuck": true} at the end of a run that did not finish. Sent with an organiser’s key it is marked measured, at any time; sent by the team it is marked claimed, until the submission is completed.',
    request: { params: SubmissionCasePath, body: binary(...LOG_TYPES) },
    responses: { 201: json(ReceivedLog, 'What follows from the log') },
  }),
  async (c) => {
    const services = c.get('services');
    const submission = c.get('submission');
    const { case: name } = c.req.valid('param');
    requireType(c, LOG_TYPES);
    const source: LogSource = c.get('key')!.role === 'submitter' ? 'claimed' : 'measured';
    if (source === 'claimed') assertTakesFiles(submission);
    const body = bodyOf(c, services.limits.maxLogBytes);
    const { figures } = await receiveLog(services, c.get('challenge'), submission, name, source, body);
    return c.json({ case: name, source, efficiency: figures }, 201);
  },
);
