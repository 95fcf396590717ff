// Manifest of a model: an OCI image manifest in CNCF ModelPack form (specs/model-manifest.md). Its digest is the
// model's identity.
import { encodeHex, utf8 } from './bytes.ts';
import { encodeCanonicalJson } from './canonical-json.ts';
import { RunproofError } from './errors.ts';
import { DIGEST } from './fields.ts';
import { sha256 } from './sha256.ts';

const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const ARTIFACT_TYPE = 'application/vnd.cncf.model.manifest.v1+json';
const CONFIG_TYPE = 'application/vnd.cncf.model.config.v1+json';
const WEIGHT_TYPE = 'application/vnd.cncf.model.weight.v1.raw';
/** Fixed: renaming a file does not make it another model. */
const FILE_PATH = 'model.gguf';

export interface ModelManifest {
  /** canonical JSON; what an OCI registry stores under `digest` */
  readonly manifest: Uint8Array;
  /** `sha256:` and hex32 of `manifest` */
  readonly digest: string;
  /** canonical JSON of the ModelPack config */
  readonly config: Uint8Array;
}

/** `sha256:` and the lower-case hex SHA-256 of `bytes`. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${encodeHex(sha256(bytes))}`;
}

/**
 * Manifest of one GGUF file: `digest` (`sha256:` and hex32) and `size` (bytes) of the file, and what its metadata says:
 * `name`
 * (`general.name`; null when it has none) and `architecture` (`general.architecture`). The same file gives the same
 * digest everywhere.
 */
export function modelManifest(model: {
  readonly file: { readonly digest: string; readonly size: number };
  readonly name: string | null;
  readonly architecture: string;
}): ModelManifest {
  const { file, name, architecture } = model;
  if (!DIGEST.test(file.digest) || !Number.isSafeInteger(file.size) || file.size < 1) {
    throw new RunproofError('INTERNAL', 'a model file has a digest and a size', {
      digest: file.digest,
      size: file.size,
    });
  }
  const config = utf8(
    encodeCanonicalJson({
      config: { architecture, format: 'gguf' },
      descriptor: name === null ? {} : { name },
      modelfs: { diffIds: [file.digest], type: 'layers' },
    }),
  );
  const manifest = utf8(
    encodeCanonicalJson({
      artifactType: ARTIFACT_TYPE,
      config: { digest: digestOf(config), mediaType: CONFIG_TYPE, size: config.length },
      layers: [
        {
          annotations: { 'org.cncf.model.filepath': FILE_PATH },
          digest: file.digest,
          mediaType: WEIGHT_TYPE,
          size: file.size,
        },
      ],
      mediaType: MANIFEST_TYPE,
      schemaVersion: 2,
    }),
  );
  return { manifest, digest: digestOf(manifest), config };
}
