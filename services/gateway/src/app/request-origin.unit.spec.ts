import { demandOwnOrigin } from './request-origin';

describe("a request's host and origin", () => {
  it.each([
    [{ host: '127.0.0.1:8080' }, undefined],
    [{ host: 'localhost:8080', origin: 'http://localhost:3000' }, undefined],
    [{ host: '[::1]:8080' }, undefined],
    [{ host: 'soc.example.org', origin: 'https://soc.example.org' }, 'https://soc.example.org'],
  ])('are ours: %j', (headers, publicUrl) => {
    expect(() => demandOwnOrigin(headers, publicUrl)).not.toThrow();
  });

  it.each([
    [{ host: 'evil.example' }, undefined, 'host'],
    [{ host: '127.0.0.1.evil.example' }, undefined, 'host'],
    [{}, undefined, 'host'],
    [{ host: '127.0.0.1:8080', origin: 'https://evil.example' }, undefined, 'origin'],
    [{ host: '127.0.0.1:8080', origin: 'null' }, undefined, 'origin'],
    [{ host: 'soc.example.org', origin: 'https://soc.example.org.evil' }, 'https://soc.example.org', 'origin'],
    [{ host: 'soc.example.org:444' }, 'https://soc.example.org', 'host'],
  ])('are not: %j', (headers, publicUrl, field) => {
    expect(() => demandOwnOrigin(headers, publicUrl)).toThrow(expect.objectContaining({ field }));
  });
});
