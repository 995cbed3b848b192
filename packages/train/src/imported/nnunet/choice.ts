/** The choice among the weights of a model of nnU-Net. */
import { z } from 'zod';

export const nnunetChoice = z
  .object({
    /** The folds by name, 0 … or all. Unless given: all that are numbered, else that of all cases. */
    folds: z.array(z.string()).readonly().optional(),
    /** Which checkpoint of each; final unless given. */
    checkpoint: z.enum(['final', 'best']).optional(),
  })
  .readonly();
export type NnunetChoice = z.infer<typeof nnunetChoice>;
