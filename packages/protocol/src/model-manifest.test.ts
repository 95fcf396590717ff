import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseCanonicalJson } from './canonical-json.ts';
import { digestOf, modelManifest } from './model-manifest.ts';

const model = { file: { digest: `sha256:${'5a'.repeat(32)}`, size: 4096 }, name: 'Tiny', architecture: 'llama' };
const read = (bytes: Uint8Array): unknown => parseCanonicalJson(bytes);

describe('modelManifest', () => {
  it('is a ModelPack manifest of one raw weight file', () => {
    const { manifest, digest, config } = modelManifest(model);
    expect(read(manifest)).toEqual({
      artifactType: 'application/vnd.cncf.model.manifest.v1+json',
      config: { digest: digestOf(config), mediaType: 'application/vnd.cncf.model.config.v1+json', size: config.length },
      layers: [
        {
          annotations: { 'org.cncf.model.filepath': 'model.gguf' },
          digest: model.file.digest,
          mediaType: 'application/vnd.cncf.model.weight.v1.raw',
          size: 4096,
        },
      ],
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      schemaVersion: 2,
    });
    expect(read(config)).toEqual({
      config: { architecture: 'llama', format: 'gguf' },
      descriptor: { name: 'Tiny' },
      modelfs: { diffIds: [model.file.digest], type: 'layers' },
    });
    expect(digest).toBe(`sha256:${createHash('sha256').update(manifest).digest('hex')}`);
  });

  it('is the example of its page', () => {
    const page = readFileSync(new URL('../../../specs/model-manifest.md', import.meta.url), 'utf8');
    const { manifest, digest, config } = modelManifest(model);
    for (const text of [new TextDecoder().decode(manifest), new TextDecoder().decode(config), digest])
      expect(page).toContain(text);
  });

  it('depends on everything that it is given, and on nothing else', () => {
    const digests = [
      model,
      { ...model, name: null },
      { ...model, name: 'tiny' },
      { ...model, architecture: 'qwen2' },
      { ...model, file: { ...model.file, size: 4097 } },
      { ...model, file: { ...model.file, digest: `sha256:${'5b'.repeat(32)}` } },
    ].map((variant) => modelManifest(variant).digest);
    expect(new Set(digests).size).toBe(digests.length);
    expect(modelManifest({ ...model }).digest).toBe(digests[0]);
  });

  it.each([
    ['digest', { digest: '5a'.repeat(32), size: 1 }],
    ['size', { ...model.file, size: 0 }],
    ['size', { ...model.file, size: 1.5 }],
  ])('refuses a wrong %s', (_name, file) => {
    expect(() => modelManifest({ ...model, file })).toThrowError(expect.objectContaining({ code: 'INTERNAL' }));
  });
});
