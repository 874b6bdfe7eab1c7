/** Something a user must change: where (a path such as `fields.late`, '' for the whole), and what is wrong with it. */
export interface Problem {
  readonly path: string;
  readonly message: string;
}
