// A model's file as an entry of models.json names it.
export interface KeptFile {
  /** Below `models/`. */
  file: string;
  sha256: string;
}
