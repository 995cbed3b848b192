/**
 * TotalSegmentator's tasks that need no crop by another model: the nnU-Net models that each is joined of, their labels in
 * order, and the spacing that scans are brought to before. From its `map_to_binary.py` and `map_tasks_config.py`.
 */
import type { Xyz } from '@organseg/core/volume/volume.ts';

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Dataset 291. */
const ORGANS = words(`
  spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left
  lung_upper_lobe_left lung_lower_lobe_left lung_upper_lobe_right lung_middle_lobe_right
  lung_lower_lobe_right esophagus trachea thyroid_gland small_bowel duodenum colon urinary_bladder prostate
  kidney_cyst_left kidney_cyst_right
`);

/** Dataset 292. */
const VERTEBRAE = words(`
  sacrum vertebrae_S1 vertebrae_L5 vertebrae_L4 vertebrae_L3 vertebrae_L2 vertebrae_L1 vertebrae_T12
  vertebrae_T11 vertebrae_T10 vertebrae_T9 vertebrae_T8 vertebrae_T7 vertebrae_T6 vertebrae_T5 vertebrae_T4
  vertebrae_T3 vertebrae_T2 vertebrae_T1 vertebrae_C7 vertebrae_C6 vertebrae_C5 vertebrae_C4 vertebrae_C3
  vertebrae_C2 vertebrae_C1
`);

/** Dataset 293. */
const CARDIAC = words(`
  heart aorta pulmonary_vein brachiocephalic_trunk subclavian_artery_right subclavian_artery_left
  common_carotid_artery_right common_carotid_artery_left brachiocephalic_vein_left
  brachiocephalic_vein_right atrial_appendage_left superior_vena_cava inferior_vena_cava
  portal_vein_and_splenic_vein iliac_artery_left iliac_artery_right iliac_vena_left iliac_vena_right
`);

/** Dataset 294. */
const MUSCLES = words(`
  humerus_left humerus_right scapula_left scapula_right clavicula_left clavicula_right femur_left
  femur_right hip_left hip_right spinal_cord gluteus_maximus_left gluteus_maximus_right gluteus_medius_left
  gluteus_medius_right gluteus_minimus_left gluteus_minimus_right autochthon_left autochthon_right
  iliopsoas_left iliopsoas_right brain skull
`);

/** Dataset 295. */
const RIBS = words(`
  rib_left_1 rib_left_2 rib_left_3 rib_left_4 rib_left_5 rib_left_6 rib_left_7 rib_left_8 rib_left_9
  rib_left_10 rib_left_11 rib_left_12 rib_right_1 rib_right_2 rib_right_3 rib_right_4 rib_right_5
  rib_right_6 rib_right_7 rib_right_8 rib_right_9 rib_right_10 rib_right_11 rib_right_12 sternum
  costal_cartilages
`);

/** Dataset 850. */
const MR_ORGANS = words(`
  spleen kidney_right kidney_left gallbladder liver stomach pancreas adrenal_gland_right adrenal_gland_left
  lung_left lung_right esophagus small_bowel duodenum colon urinary_bladder prostate sacrum vertebrae
  intervertebral_discs spinal_cord heart aorta inferior_vena_cava portal_vein_and_splenic_vein
  iliac_artery_left iliac_artery_right iliac_vena_left iliac_vena_right
`);

/** Dataset 851. */
const MR_MUSCLES = words(`
  humerus_left humerus_right scapula_left scapula_right clavicula_left clavicula_right femur_left
  femur_right hip_left hip_right gluteus_maximus_left gluteus_maximus_right gluteus_medius_left
  gluteus_medius_right gluteus_minimus_left gluteus_minimus_right autochthon_left autochthon_right
  iliopsoas_left iliopsoas_right brain
`);

/** One nnU-Net model of a task. */
export interface TaskPart {
  /** The number of its data set, by which its folder is named: `DatasetNNN_…`. */
  readonly dataset: number;
  /** The names of its labels 1, 2, …; joined, the labels of all parts are counted on. */
  readonly labels: readonly string[];
}

export interface Task {
  /** Spacing of the grid that scans are brought to. */
  readonly spacingMm: Xyz;
  /** Later parts are written over earlier ones. */
  readonly parts: readonly TaskPart[];
}

const cubes = (mm: number): Xyz => [mm, mm, mm];
const numbered = (first: number, parts: readonly string[][]): TaskPart[] =>
  parts.map((labels, i) => ({ dataset: first + i, labels }));
const single = (spacing: number, dataset: number, parts: readonly string[][]): Task => ({
  spacingMm: cubes(spacing),
  parts: [{ dataset, labels: parts.flat() }],
});

const CT = [ORGANS, VERTEBRAE, CARDIAC, MUSCLES, RIBS];
/** Version 3 tells a sixth lumbar vertebra instead of S1. */
const CT_3 = CT.map((labels) => labels.map((name) => (name === 'vertebrae_S1' ? 'vertebrae_L6' : name)));
const MR = [MR_ORGANS, MR_MUSCLES];

export const TASKS = {
  total: { spacingMm: cubes(1.5), parts: numbered(291, CT) },
  total_fast: single(3, 297, CT),
  total_fastest: single(6, 298, CT),
  total_v3: { spacingMm: cubes(1.5), parts: numbered(831, CT_3) },
  total_v3_fast: single(3, 836, CT_3),
  total_v3_fastest: single(6, 837, CT_3),
  total_mr: { spacingMm: cubes(1.5), parts: numbered(850, MR) },
  total_mr_fast: single(3, 852, MR),
  total_mr_fastest: single(6, 853, MR),
} as const satisfies Record<string, Task>;

export type TaskName = keyof typeof TASKS;
export const TASK_NAMES = Object.keys(TASKS) as TaskName[];

/** Step from one window to the next that all these tasks are predicted with, as a share of the patch. */
export const TASK_WINDOW_STEP = 0.8;
