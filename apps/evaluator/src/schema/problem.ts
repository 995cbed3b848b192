/** The schema of an error as it is answered. */
import { z } from '@hono/zod-openapi';

export const ProblemBody = z
  .object({ type: z.string(), title: z.string(), status: z.int(), detail: z.string() })
  .openapi('Problem', { description: 'RFC 9457. `detail` is one line that names what is at fault.' });
