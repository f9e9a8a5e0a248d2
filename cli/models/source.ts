// Where a model comes from, as `weir models add` sees it: a list of files with their sizes and hashes, and a way to
// bring one here. hub.ts and folder.ts are the two there are.

export interface SourceFile {
  /** Path in the model's repository: `onnx/model.onnx`. */
  path: string;
  bytes: number;
  /** Of the content, where it is stated. */
  sha256?: string | undefined;
  /** Git's hash of the content, which hubs state of small files. */
  gitSha1?: string | undefined;
}

export interface ModelSource {
  /** URL of the hub, or `folder`. */
  hub: string;
  /** Name of the model there. */
  id: string;
  /** The commit, where there are commits. */
  revision?: string;
  /** Licence as the source states it. */
  licence: string | undefined;
  files: SourceFile[];
  /** Brings a file to a path, checked; resolves to its SHA-256. @throws CliError */
  fetch(file: SourceFile, target: string): Promise<string>;
}
