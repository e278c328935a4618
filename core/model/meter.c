/* meter.c - Sampled values to what flows now, and registers to energy.
 *
 * A register only grows, except when it is reset and except when a station sends nonsense. So a step
 * that no charger can make (backward, or more energy than 2 MW since the last value) waits as a
 * doubt until a second value follows it; then it is the new base, and the step itself counts for
 * nothing. */
#include <string.h>

#include "model/internal.h"

#define PLAUSIBLE_W 2000000
#define PLAUSIBLE_WH 5000 /* on top: coarse registers, clocks that differ */
#define HOUR_MS 3600000

/* What the samples of one meter.values say; KW_NONE: nothing. */
struct reading {
    int64_t power, power_phases;
    int64_t current, current_phases[KW_PHASES];
    int64_t voltage[KW_PHASES];
    int64_t energy, energy_phases;
    int64_t soc, offered;
    bool per_phase;
};

static int phase_of(struct kw_str phase)
{
    bool line =
        (phase.len == 2 || (phase.len == 4 && phase.ptr[2] == '-' && phase.ptr[3] == 'N')) &&
        phase.ptr[0] == 'L' && phase.ptr[1] >= '1' && phase.ptr[1] <= '3';
    return line ? phase.ptr[1] - '1' : -1;
}

static void add(int64_t *sum, int64_t value)
{
    *sum = *sum == KW_NONE ? value : *sum + value;
}

static void read_sample(struct reading *reading, const struct kw_sample *sample)
{
    int phase = phase_of(sample->phase);
    bool total = sample->phase.len == 0,
         here = sample->location.len == 0 || kw_str_eqc(sample->location, "Outlet");
    if (kw_str_eqc(sample->measurand, "SoC")) {
        if (sample->value >= 0 && sample->value <= 100)
            reading->soc = sample->value; /* its location is mostly "EV" */
        return;
    }
    if (!here)
        return;
    if (kw_str_eqc(sample->measurand, "Power.Active.Import")) {
        if (total)
            reading->power = sample->value;
        else if (phase >= 0)
            add(&reading->power_phases, sample->value);
    } else if (kw_str_eqc(sample->measurand, "Current.Import")) {
        if (phase >= 0) {
            reading->current_phases[phase] = sample->value;
            reading->per_phase = true;
        } else if (total || kw_str_eqc(sample->phase, "N")) {
            reading->current = sample->value; /* only on N: some stations do that (ocpp.md 2.1) */
        }
    } else if (kw_str_eqc(sample->measurand, "Voltage")) {
        if (total || phase >= 0)
            reading->voltage[phase >= 0 ? phase : 0] = sample->value;
    } else if (kw_str_eqc(sample->measurand, "Energy.Active.Import.Register")) {
        if (total)
            reading->energy = sample->value;
        else if (phase >= 0)
            add(&reading->energy_phases, sample->value);
    } else if (kw_str_eqc(sample->measurand, "Current.Offered")) {
        reading->offered = sample->value;
    }
}

static void read_samples(struct reading *reading, const struct kw_event *event)
{
    *reading = (struct reading){ .power = KW_NONE,
                                 .power_phases = KW_NONE,
                                 .current = KW_NONE,
                                 .current_phases = { KW_NONE, KW_NONE, KW_NONE },
                                 .voltage = { KW_NONE, KW_NONE, KW_NONE },
                                 .energy = KW_NONE,
                                 .energy_phases = KW_NONE,
                                 .soc = KW_NONE,
                                 .offered = KW_NONE };
    for (size_t i = 0; i < event->sample_count; i++) {
        if (kw_sane(event->samples[i].value) != KW_NONE)
            read_sample(reading, &event->samples[i]);
    }
    if (reading->power == KW_NONE)
        reading->power = kw_sane(reading->power_phases);
    if (reading->energy == KW_NONE)
        reading->energy = kw_sane(reading->energy_phases);
}

/* One value without a phase is the current of each phase that the station is wired to. */
static void set_currents(struct kw_connector *connector, const struct kw_station *station,
                         const struct reading *reading)
{
    for (int phase = 0; phase < KW_PHASES; phase++) {
        if (reading->per_phase)
            connector->current_ma[phase] = reading->current_phases[phase];
        else if (reading->current != KW_NONE)
            connector->current_ma[phase] = phase < station->phases ? reading->current : KW_NONE;
    }
}

void kw_complex_apply_samples(struct kw_complex *complex, struct kw_station *station,
                              struct kw_connector *connector, const struct kw_event *event,
                              bool live)
{
    struct reading reading;
    read_samples(&reading, event);
    if (reading.energy != KW_NONE && reading.energy >= 0)
        kw_complex_take_register(complex, station, connector, reading.energy, event->at_ms);
    if (!live || event->at_ms < connector->meter_ms)
        return;
    bool flows = reading.power != KW_NONE || reading.current != KW_NONE || reading.per_phase;
    bool flowed = connector->power_w != KW_NONE || connector->current_ma[0] != KW_NONE ||
                  connector->current_ma[1] != KW_NONE || connector->current_ma[2] != KW_NONE;
    if (flows || !flowed) /* a register alone does not make an old power younger */
        connector->meter_ms = event->at_ms;
    if (reading.power != KW_NONE)
        connector->power_w = reading.power;
    set_currents(connector, station, &reading);
    for (int phase = 0; phase < KW_PHASES; phase++) {
        if (reading.voltage[phase] != KW_NONE)
            connector->voltage_mv[phase] = reading.voltage[phase];
    }
    if (reading.soc != KW_NONE)
        connector->soc_pct = reading.soc;
    if (reading.offered != KW_NONE)
        connector->offered_ma = reading.offered;
    kw_station_touch(station, event->at_ms);
}

static bool plausible(int64_t from_wh, int64_t to_wh, int64_t elapsed_ms)
{
    const int64_t year_ms = (int64_t)366 * 24 * HOUR_MS;
    if (elapsed_ms > year_ms)
        elapsed_ms = year_ms;
    return to_wh >= from_wh && to_wh - from_wh <= PLAUSIBLE_WH + elapsed_ms * PLAUSIBLE_W / HOUR_MS;
}

void kw_complex_take_register(struct kw_complex *complex, const struct kw_station *station,
                              struct kw_connector *connector, int64_t register_wh, int64_t at_ms)
{
    int64_t base = connector->energy_register_wh;
    if (register_wh < 0 || register_wh > KW_VALUE_MAX)
        return;
    if (base != KW_NONE) {
        int64_t elapsed = at_ms - connector->register_ms;
        if (elapsed < 0)
            return; /* history */
        if (!plausible(base, register_wh, elapsed)) {
            base = connector->register_doubt_wh;
            connector->register_doubt_wh = register_wh;
            if (base == KW_NONE || !plausible(base, register_wh, elapsed))
                return;
        }
        if (station->registered && at_ms >= complex->day_start_ms)
            complex->day_wh += register_wh - base;
    }
    connector->register_doubt_wh = KW_NONE;
    connector->energy_register_wh = register_wh;
    connector->register_ms = at_ms;
    if (connector->transaction[0] != 0 && connector->tx_meter_start_wh != KW_NONE &&
        register_wh >= connector->tx_meter_start_wh)
        connector->tx_energy_wh = register_wh - connector->tx_meter_start_wh;
}
