import { FormatRegistry } from '../domain/formats/format-registry';
import { receive, type Received } from './alert-reception';
import { LaneChoice } from './lane-choice';

const origin = {
  tenant: 'default',
  sourceId: '0c3f2a52-7d3d-5c0e-9f2c-5b0f9f2f0001',
  source: 'siem',
  askedFormat: undefined,
  sourceFormat: undefined,
};

function received(severity: string): Received {
  const bytes = Buffer.from(JSON.stringify({ event_id: 'a', search_name: 's', severity }));
  const [reception] = receive({ bytes, size: bytes.length }, origin, new FormatRegistry(), new Date());
  if (reception?.kind !== 'accepted') throw new Error('it was refused');
  return reception;
}
const refused = (): Received => {
  const bytes = Buffer.from('no json');
  const [reception] = receive({ bytes, size: bytes.length }, origin, new FormatRegistry(), new Date());
  if (reception?.kind !== 'refused') throw new Error('it was accepted');
  return reception;
};

describe('the lane of an alert', () => {
  let now = 0;
  const lanes = () => new LaneChoice({ urgentPerSecond: 1, ordinaryPerSecond: 2 }, () => now);
  const [grave, mild] = [received('critical'), received('low')];

  it('is the urgent one for what is grave, and the ordinary one for the rest', () => {
    const choice = lanes();
    expect(
      [grave, received('high'), received('medium'), mild, refused()].map((one) => choice.laneOf(one, 'a')),
    ).toEqual(['urgent', 'urgent', 'ordinary', 'ordinary', 'ordinary']);
  });

  it('is the next one for what a source sends beyond its share, ten seconds of it at once', () => {
    const choice = lanes();
    const storm = Array.from({ length: 40 }, () => choice.laneOf(grave, 'storm'));
    expect(storm.slice(0, 10).every((lane) => lane === 'urgent')).toBe(true);
    expect(storm.slice(10, 30).every((lane) => lane === 'ordinary')).toBe(true);
    expect(storm.slice(30).every((lane) => lane === 'bulk')).toBe(true);
    expect(choice.laneOf(mild, 'storm')).toBe('bulk');
    expect(choice.laneOf(grave, 'another')).toBe('urgent');
    now += 1_000;
    expect([1, 2, 3, 4].map(() => choice.laneOf(grave, 'storm'))).toEqual(['urgent', 'ordinary', 'ordinary', 'bulk']);
  });
});
