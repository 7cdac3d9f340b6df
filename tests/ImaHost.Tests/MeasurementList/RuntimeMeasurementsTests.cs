using ImaHost.MeasurementList;
using ImaHost.Segments;
using ImaHost.Template;
using ImaHost.Tests.Support;
using Xunit;

namespace ImaHost.Tests.MeasurementList;

public sealed class RuntimeMeasurementsTests : IDisposable
{
    readonly ListFixture _fixture = new();

    long Entries => _fixture.List.Log.Extent.Entries;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void List_begins_with_a_boot_aggregate_of_zeros_when_there_is_no_TPM()
    {
        Assert.Equal(1, Entries);
        Assert.Equal(new Entry(new byte[32], "boot_aggregate", []).Record(), File.ReadAllBytes(_fixture.File));
        Assert.Equal(0, _fixture.List.Violations);
    }

    [Fact]
    public void Add_stores_an_entry_once()
    {
        Entry entry = Entry.Number(1);
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry));
        Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(entry));
        Assert.Equal(2, Entries);
        Assert.Equal(2, _fixture.List.Extended);
        Assert.Null(_fixture.List.Fault);
    }

    [Fact]
    public void Add_takes_the_same_content_under_another_name_for_another_entry()
    {
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(Entry.Number(1)));
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(Entry.Number(1) with { Name = "/other" }));
    }

    [Fact]
    public void Add_never_takes_a_violation_for_one_that_is_there()
    {
        Entry entry = Entry.Number(1) with { IsViolation = true };
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry));
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry));
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry with { IsViolation = false }));
        Assert.Equal(4, Entries);
        Assert.Equal(2, _fixture.List.Violations);
    }

    [Fact]
    public void Add_stores_the_same_data_in_each_PCR()
    {
        Entry entry = Entry.Number(1);
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry));
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry with { Pcr = 11 }));
        Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(entry with { Pcr = 11 }));
    }

    [Fact]
    public void Add_tells_templates_apart_whose_data_are_alike()
    {
        byte[] data = Entry.Number(1).Data();
        Assert.Equal(StoreOutcome.Stored, _fixture.List.Add(TemplateDescriptor.ImaSig, data, 10, EntryKind.Measurement));
        TemplateDescriptor alike = TemplateDescriptor.Find("d-ng|n-ng|sig")!;
        Assert.Equal(StoreOutcome.Stored, _fixture.List.Add(alike, data, 10, EntryKind.Measurement));
    }

    [Fact]
    public void Add_knows_an_entry_again_that_carries_the_longest_attribute_there_can_be()
    {
        Entry entry = Entry.Number(1) with { Signature = [3, 2, .. new byte[65534]] };
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry));
        Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(entry));
    }

    [Fact]
    public void Add_refuses_data_that_no_reader_would_take()
    {
        byte[] before = File.ReadAllBytes(_fixture.File);
        byte[] data = new byte[(1 << 24) + 1];
        Assert.Equal(StoreOutcome.NotStored, _fixture.List.Add(TemplateDescriptor.ImaBuf, data, 10, EntryKind.Event));
        Assert.Equal(
            "an entry is not made: template data of 16777217 bytes, the most is 16777216", _fixture.List.Fault);
        Assert.Equal(before, File.ReadAllBytes(_fixture.File));
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(Entry.Number(1)));
        Assert.Null(_fixture.List.Fault);
        _fixture.Resume();
    }

    [Fact]
    public void Add_keeps_the_largest_data_that_a_reader_takes()
    {
        int rest = (1 << 24) - Entry.Number(1).Data().Length + Entry.Number(1).Signature.Length;
        Entry entry = Entry.Number(1) with { Signature = new byte[rest] };
        Assert.Equal(1 << 24, entry.Data().Length);
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(entry));
        _fixture.Resume();
        Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(entry));
    }

    [Fact]
    public void Resume_goes_on_with_the_entries_and_knows_them_again()
    {
        for (int number = 0; number < 300; number++)
        {
            _fixture.Add(Entry.Number(number) with { IsViolation = number % 100 == 99 });
        }

        byte[] before = File.ReadAllBytes(_fixture.File);
        LogExtent extent = _fixture.List.Log.Extent;
        _fixture.Resume();
        Assert.Equal(extent, _fixture.List.Log.Extent);
        Assert.Equal(3, _fixture.List.Violations);
        Assert.Equal(301, _fixture.List.Extended);
        Assert.Equal(StoreOutcome.AlreadyThere, _fixture.Add(Entry.Number(7)));
        Assert.Equal(StoreOutcome.Stored, _fixture.Add(Entry.Number(300)));
        byte[] expected = [.. before, .. Entry.Number(300).Record()];
        Assert.Equal(expected, File.ReadAllBytes(_fixture.File));
    }

    [Fact]
    public void Resume_drops_an_entry_cut_off_at_any_byte_and_goes_on_from_the_last_whole_one()
    {
        _fixture.Add(Entry.Number(1));
        byte[] whole = File.ReadAllBytes(_fixture.File);
        byte[] last = Entry.Number(30).Record();
        byte[] next = Entry.Number(3).Record();
        for (int cut = 0; cut < last.Length; cut++)
        {
            File.WriteAllBytes(_fixture.File, [.. whole, .. last.AsSpan(0, cut)]);
            _fixture.Resume();
            Assert.Equal(2, Entries);
            Assert.Equal(whole, File.ReadAllBytes(_fixture.File));
            Assert.Equal(StoreOutcome.Stored, _fixture.Add(Entry.Number(3)));
            byte[] expected = [.. whole, .. next];
            Assert.Equal(expected, File.ReadAllBytes(_fixture.File));
        }
    }

    [Fact]
    public void Resume_names_the_offset_at_which_the_list_is_damaged()
    {
        byte[] whole = File.ReadAllBytes(_fixture.File);
        File.WriteAllBytes(_fixture.File, [.. whole, .. new byte[100]]);
        RecordException damaged = Assert.Throws<RecordException>(_fixture.Resume);
        Assert.Equal($"entry 1 at offset {whole.Length}: a template name of 0 bytes", damaged.Message);
    }

    [Fact]
    public void Add_lists_each_entry_once_when_several_threads_bring_the_same_ones()
    {
        Parallel.For(0, 4, _ =>
        {
            for (int number = 0; number < 500; number++)
            {
                _fixture.Add(Entry.Number(number));
            }
        });
        Assert.Equal(501, Entries);
        _fixture.Resume();
        Assert.Equal(501, Entries);
    }
}
